"""Builds a suite for the ESP8266's CPU (lx106), to run under QEMU: `pio test -e lx106`.

Needs Debian's gcc-xtensa-lx106, picolibc-xtensa-lx106-elf, libstdc++-12-dev and qemu-system-misc. The cross compiler
brings no C++ headers; the host's libstdc++ of the same major version serves, with one file of ours before it.
"""

import os
import subprocess

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

PACKAGES = "gcc-xtensa-lx106 picolibc-xtensa-lx106-elf libstdc++-12-dev qemu-system-misc"

env = DefaultEnvironment()
emulator = os.path.join(env.subst("$PROJECT_DIR"), "firmware", "emulator")


def packaged(package, tail):
    """Path of a file that a Debian package installed."""
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=False)
    for path in listing.stdout.split():
        if path.endswith(tail):
            return path
    raise SystemExit("%s isn't installed; as root: apt-get install --no-install-recommends %s" % (package, PACKAGES))


def up(path, levels):
    for _ in range(levels):
        path = os.path.dirname(path)
    return path


specs = "-specs=" + packaged("picolibc-xtensa-lx106-elf", "/picolibc.specs")
headers = [
    os.path.join(emulator, "cxx"),
    up(packaged("libstdc++-12-dev", "/c++/12/array"), 1),
    up(packaged("libstdc++-12-dev", "/bits/c++config.h"), 2),
]
compile_flags = [specs, "-Os", "-g", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-mlongcalls"]
prefix = "xtensa-lx106-elf-"

env.Replace(
    AR=prefix + "gcc-ar", AS=prefix + "gcc", CC=prefix + "gcc", CXX=prefix + "g++", LINK=prefix + "gcc", OBJCOPY=prefix + "objcopy",
    RANLIB=prefix + "gcc-ranlib", SIZETOOL=prefix + "size", GDB=prefix + "gdb", SIZEPRINTCMD="$SIZETOOL -A -d $SOURCES", PROGSUFFIX="",
)
env.Append(
    ASPPFLAGS=[specs],
    CCFLAGS=compile_flags,
    CXXFLAGS=["-std=gnu++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"] + ["-isystem" + path for path in headers],
    LINKFLAGS=[specs, "-nostartfiles", "-Wl,--gc-sections", "-DPICOLIBC_INTEGER_PRINTF_SCANF", "-T", os.path.join(emulator, "lx106.ld")],
    LIBS=["c", "gcc"],
)
if "test" not in env["BUILD_TYPE"]:
    raise SystemExit("lx106 is for suites: pio test -e lx106")
env.BuildSources(os.path.join("$BUILD_DIR", "emulator"), emulator, "+<*.cpp> +<*.c> +<*.S>")
program = env.BuildProgram()
AlwaysBuild(env.Alias("buildprog", program))
Default(env.Alias("buildprog"))
