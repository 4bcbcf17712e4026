# A disk that fails: an nbdkit plugin over a file. The words in the file `ctl` say what fails from the next request on: read, write, flush (EIO), log (writes that begin
# with a page of PostgreSQL's log: EIO) and hang (nothing is answered until the word is gone). No file, no fault. Each failed request adds a byte to `ctl`.failed.
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
    if what not in asked:
        return
    with builtins.open(settings["ctl"] + ".failed", "a") as told:
        told.write(".")
    nbdkit.set_error(errno.EIO)
    raise OSError(errno.EIO, "the disk fails")


def pread(handle, buf, offset, flags):
    allow("read")
    data = os.pread(state["disk"], len(buf), offset)
    buf[:] = data + bytes(len(buf) - len(data))


def pwrite(handle, buf, offset, flags):
    allow("write")
    # The second byte of XLOG_PAGE_MAGIC; the file system's own blocks begin otherwise.
    if len(buf) >= 8192 and buf[1] == 0xD1:
        allow("log")
    os.pwrite(state["disk"], buf, offset)


def flush(handle, flags):
    allow("flush")
    os.fdatasync(state["disk"])
