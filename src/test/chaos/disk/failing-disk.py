# A disk that fails: an nbdkit plugin over a file. The words in the file `ctl` say what fails from the next request on: read, write, flush (EIO), full (writes: ENOSPC),
# hang (nothing is answered until the word is gone). No file, no fault. Each failed request adds a byte to `ctl`.failed.
import builtins
import errno
import os
import time

import nbdkit

API_VERSION = 2
settings = {}
state = {"disk": -1}


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


def words():
    try:
        with builtins.open(settings["ctl"]) as told:
            return told.read().split()
    except FileNotFoundError:
        return []


def allow(what):
    asked = words()
    while "hang" in asked:
        time.sleep(0.02)
        asked = words()
    code = errno.ENOSPC if what == "write" and "full" in asked else errno.EIO if what in asked else 0
    if code == 0:
        return
    with builtins.open(settings["ctl"] + ".failed", "a") as told:
        told.write(".")
    nbdkit.set_error(code)
    raise OSError(code, os.strerror(code))


def pread(handle, buf, offset, flags):
    allow("read")
    data = os.pread(state["disk"], len(buf), offset)
    buf[:] = data + bytes(len(buf) - len(data))


def pwrite(handle, buf, offset, flags):
    allow("write")
    os.pwrite(state["disk"], buf, offset)


def flush(handle, flags):
    allow("flush")
    os.fdatasync(state["disk"])
