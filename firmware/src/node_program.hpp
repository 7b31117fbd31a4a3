// The composition of a host node: the Linux port, a profile, the node application. An image is this and a CX_IMAGE.
#pragma once

#include "hal/peripherals.hpp"
#include "hal_host/host_hal.hpp"

// `sensors` takes the place of the simulated ones of a sensor board; null: those. `secureParts` of nulls: an image
// without DTLS and TLS. Returns the exit code.
int runNode(int count, char** arguments, cx::hal::Sensors* sensors = nullptr, cx::host::SecureParts secureParts = {});
