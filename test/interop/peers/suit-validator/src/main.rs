//! Reads and verifies envelopes with the crate suit_validator: the key as `id x y` in hexadecimal on the first line, an envelope on each
//! further one. Prints what it read of each, or `refused`.
use cose_minicbor::cose_keys::{CoseAlg, CoseKey, CoseKeySetBuilder, Curve, KeyOp, KeyType};
use std::io::{stdin, BufRead};
use suit_validator::crypto::CoseCrypto;
use suit_validator::handler::*;
use suit_validator::suit_decode;
use suit_validator::suit_manifest::*;
use suit_validator::SuitError;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Shared(Vec<String>);

impl SuitSharedSequenceHandler for Shared {
    fn on_conditions<'a>(&mut self, conditions: impl Iterator<Item = PairView<'a, SuitCondition>>) -> Result<(), SuitError> {
        for condition in conditions {
            self.0.push(match condition.get()? {
                SuitCondition::VendorIdentifier(_) => "vendor?".into(),
                SuitCondition::ClassIdentifier(_) => "class?".into(),
                SuitCondition::DeviceIdentifier(_) => "device?".into(),
                _ => "another".into(),
            });
        }
        Ok(())
    }

    fn on_commands<'a>(&mut self, commands: impl Iterator<Item = PairView<'a, SuitSharedCommand<'a>>>) -> Result<(), SuitError> {
        for command in commands {
            if let SuitSharedCommand::OverrideParameters(set) = command.get()? {
                let digest = set.image_digest.unwrap().get()?;
                self.0.push(format!("vendor={}", hex(set.vendor_identifier.unwrap())));
                self.0.push(format!("digest={} size={}", hex(digest.bytes), set.image_size.unwrap()));
            }
        }
        Ok(())
    }
}

struct Start;

impl SuitStartHandler for Start {
    fn on_envelope<'a>(&mut self, envelope: SuitEnvelope<'a>) -> Result<(), SuitError> {
        let manifest: SuitManifest = envelope.manifest.get()?;
        let mut shared = Shared(vec![format!("sequence={}", manifest.sequence_number)]);
        manifest.common.get()?.shared_seq.unwrap().get()?.decode_and_dispatch(&mut shared)?;
        println!("{}", shared.0.join(" "));
        Ok(())
    }

    fn on_manifest<'a>(&mut self, _: SuitManifest<'a>) -> Result<(), SuitError> {
        println!("no envelope");
        Ok(())
    }
}

fn main() {
    let mut lines = stdin().lock().lines().map(|line| line.unwrap());
    let key_line = lines.next().unwrap();
    let parts: Vec<Vec<u8>> = key_line.split(' ').map(bytes).collect();
    let (id, x, y) = (&parts[0], &parts[1], &parts[2]);
    let mut key = CoseKey::new(KeyType::Ec2);
    key.kid(id);
    key.key_op(KeyOp::Verify);
    key.alg(CoseAlg::ES256);
    key.crv(Curve::P256).unwrap();
    key.x(x).unwrap();
    key.y(y.as_slice()).unwrap();
    let mut keys: CoseKeySetBuilder<200> = CoseKeySetBuilder::try_new().unwrap();
    keys.push_key(key).unwrap();
    let keys = keys.into_bytes().unwrap();
    for line in lines {
        let envelope = bytes(&line);
        if suit_decode(&envelope, &mut Start, &mut CoseCrypto::new(&keys)).is_err() {
            println!("refused");
        }
    }
}
