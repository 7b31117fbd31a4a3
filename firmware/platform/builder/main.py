"""The builder of an environment: `custom_chip` names a chip whose CPU is emulated, without it the host is meant."""

from SCons.Script import DefaultEnvironment

env = DefaultEnvironment()
env.SConscript("emulated.py" if env.GetProjectOption("custom_chip", "") else "host.py")
