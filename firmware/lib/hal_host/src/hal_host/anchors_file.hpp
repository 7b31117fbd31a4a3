// The trust anchors that an operator gives a host node: a COSE key set in CBOR, of which the state folder keeps a copy. Nothing
// in it is secret, but whoever may write it decides whose images the node runs.
#pragma once
#include "hal_host/files.hpp"
#include "hal_host/options.hpp"
#include "trust_anchor.hpp"

namespace cx::host {

constexpr char anchorsFile[] = "anchors";
constexpr uint32_t anchorsFileMax = 1024;

// Takes the file into the state folder once it was found to be a key set. False: `fault` says what is wrong.
bool importAnchors(Files& files, const char* path, char (&fault)[optionFaultMax]);
// notFound: the node was given none.
Code loadAnchors(Files& files, TrustAnchors& out);

}  // namespace cx::host
