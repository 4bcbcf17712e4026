# A disk that loses power: an nbdkit plugin. What was written and not flushed lies in memory, by sectors of 512 bytes. When the file `ctl` appears a random half
# of it is dropped, the rest is written, and the device answers EIO until `ctl`.revive appears.
import builtins
import errno
import os
import random

import nbdkit

API_VERSION = 2
SECTOR = 512
settings = {}
state = {"disk": -1, "pending": {}, "dead": False}


def thread_model():
    return nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS


def config(key, value):
    settings[key] = value


def get_ready():
    state["disk"] = os.open(settings["file"], os.O_RDWR)


def open(readonly):
    return 1


def get_size(handle):
    return os.fstat(state["disk"]).st_size


def can_flush(handle):
    return True


def can_fua(handle):
    return nbdkit.FUA_EMULATE


def write_out(sectors):
    pending = state["pending"]
    for sector in sectors:
        os.pwrite(state["disk"], pending[sector], sector * SECTOR)
    state["pending"] = {}


def must_live():
    ctl = settings["ctl"]
    if os.path.exists(ctl + ".revive"):
        for name in (ctl, ctl + ".revive"):
            if os.path.exists(name):
                os.unlink(name)
        state["dead"] = False
    elif not state["dead"] and os.path.exists(ctl):
        kept = [sector for sector in state["pending"] if random.random() < 0.5]
        lost = len(state["pending"]) - len(kept)
        write_out(kept)
        os.fsync(state["disk"])
        with builtins.open(ctl + ".lost", "w") as told:
            told.write(str(lost))
        state["dead"] = True
    if state["dead"]:
        nbdkit.set_error(errno.EIO)
        raise OSError(errno.EIO, "no power")


def pread(handle, buf, offset, flags):
    must_live()
    count = len(buf)
    data = bytearray(os.pread(state["disk"], count, offset))
    data.extend(bytes(count - len(data)))
    pending = state["pending"]
    if pending:
        for sector in range(offset // SECTOR, (offset + count) // SECTOR):
            block = pending.get(sector)
            if block is not None:
                at = sector * SECTOR - offset
                data[at : at + SECTOR] = block
    buf[:] = data


def pwrite(handle, buf, offset, flags):
    must_live()
    data = bytes(buf)
    pending = state["pending"]
    for at in range(0, len(data), SECTOR):
        pending[(offset + at) // SECTOR] = data[at : at + SECTOR]


def flush(handle, flags):
    must_live()
    write_out(list(state["pending"]))
    os.fsync(state["disk"])
