"""Builds for the host: several programs of one environment, or one test program.

`custom_programs` lists them, one a line, as `path below the build folder = source files` (from the project's root).
Objects of the libraries are shared; the linker drops what a program doesn't use.
"""

import os

from SCons.Script import AlwaysBuild, COMMAND_LINE_TARGETS, Default, DefaultEnvironment, Import

env = DefaultEnvironment()

COMPILE = ["-Os", "-g1", "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables"]
CXX = ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-Wnon-virtual-dtor"]
LINK = ["-Wl,--gc-sections", "-static-libstdc++", "-static-libgcc", "-Wl,-z,relro,-z,now", "-Wl,--build-id=none"]

env.Replace(
    AR="gcc-ar", AS="gcc", CC="gcc", CXX="g++", LINK="g++", OBJCOPY="objcopy", RANLIB="gcc-ranlib", STRIP="strip",
    GDB="gdb", SIZEPRINTCMD="size -A -d $SOURCES", PROGSUFFIX="",
)
env.Append(CCFLAGS=COMPILE, CXXFLAGS=CXX, LINKFLAGS=LINK)
# DTLS, from Debian's libmbedtls-dev. Static: an image must run wherever its supervisor does. Behind our own libraries,
# which ask for it; a program without DTLS takes nothing of it.
MBEDTLS = " -Wl,-Bstatic -lmbedtls -lmbedx509 -lmbedcrypto -Wl,-Bdynamic"


def programs():
    lines = env.GetProjectOption("custom_programs", "")
    for line in lines.splitlines() if isinstance(lines, str) else lines:
        if line.strip():
            name, sources = line.split("=", 1)
            yield name.strip(), sources.split()


def build_programs():
    own = env.subst("$PROJECT_SRC_DIR")
    project = env.subst("$PROJECT_DIR")
    sources = {source: os.path.join(project, source) for _, all in programs() for source in all}
    inside = {source for source, path in sources.items() if os.path.dirname(path) == own}
    env.Replace(SRC_FILTER=["-<*>"] + ["+<%s>" % os.path.basename(source) for source in sorted(inside)])
    env.ProcessProgramDeps()
    env.ProcessCompileDbToolchainOption()
    env.ProcessProjectDeps()
    env.Prepend(_LIBFLAGS="-Wl,--start-group ")
    env.Append(_LIBFLAGS=" -Wl,--end-group" + MBEDTLS)
    Import("projenv")
    objects = {os.path.basename(str(node)): node for node in env.Flatten(env["PIOBUILDFILES"])}
    for source in sorted(set(sources) - inside):  # beside the source folder: images for tests
        folder, file = os.path.split(sources[source])
        for node in projenv.CollectBuildFiles(os.path.join("$BUILD_DIR", "more", os.path.basename(folder)), folder, "-<*> +<%s>" % file):  # noqa: F821
            objects[os.path.splitext(file)[0] + ".o"] = projenv.Object(node)  # noqa: F821
    built = []
    for name, parts in programs():
        own_objects = [objects[os.path.splitext(os.path.basename(part))[0] + ".o"] for part in parts]
        program = env.Program(os.path.join("$BUILD_DIR", name), own_objects)
        env.AddPostAction(program, env.VerboseAction("$STRIP $TARGET", "Stripping $TARGET"))
        built.append(program)
    env.Replace(PIOMAINPROG=built[0])
    return built


if "test" in env["BUILD_TYPE"]:
    env.Append(_LIBFLAGS=MBEDTLS)
    targets = [env.BuildProgram()]
else:
    targets = build_programs()

env.AddPlatformTarget("size", targets, env.VerboseAction("$SIZEPRINTCMD", "Size of $SOURCES"), "Program size")
env.AddPlatformTarget("exec", targets[0], env.VerboseAction("$SOURCE $PROGRAM_ARGS", "Run $SOURCE"), "Run it")
AlwaysBuild(env.Alias("buildprog", targets))
Default(env.Alias("buildprog"))
