//! SASL on a connection to a broker: PLAIN, and SCRAM by RFC 5802, which sends no password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};

use super::wire::Broker;
use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;
use crate::sys::tls;

/// More rounds than this are asked for by nobody who means well.
const MOST_ROUNDS: u32 = 1_000_000;

/// How somebody proves who they are.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// The password itself, on an encrypted connection only
    #[default]
    #[serde(rename = "PLAIN")]
    Plain,
    /// A proof of the password by SHA-256
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A proof of the password by SHA-512
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    const fn word(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Who wants to be let in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// How that is proved.
    pub(super) mechanism: Mechanism,
    /// The user.
    pub(super) user: String,
    /// The user's password.
    pub(super) password: Revealed,
}

impl Login {
    /// Proves to a broker who one is; afterwards it answers questions.
    pub(super) async fn show(&self, broker: &mut Broker) -> Result<()> {
        let word = self.mechanism.word();
        let asked = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(word));
        let told: SaslHandshakeResponse = broker.exchange(asked, 1).await?;
        if told.error_code != 0 {
            let others: Vec<&str> = told.mechanisms.iter().map(StrBytes::as_str).collect();
            return Err(Error::remote(format!("`{}` takes no login by {word}", broker.name))
                .why(format!("it takes {}", others.join(", ")))
                .fix("set `mechanism` to one that it takes"));
        }
        match self.mechanism {
            Mechanism::Plain => {
                let bytes = format!("\0{}\0{}", self.user, self.password.expose());
                self.say(broker, bytes.into_bytes()).await.map(drop)
            }
            Mechanism::ScramSha256 => self.scram::<Sha256>(broker, 64).await,
            Mechanism::ScramSha512 => self.scram::<Sha512>(broker, 128).await,
        }
    }

    async fn scram<D: Digest>(&self, broker: &mut Broker, block: usize) -> Result<()> {
        let mut random = [0; 18];
        let filled = tls::provider().secure_random.fill(&mut random);
        filled.map_err(|_| Error::bug("there is no randomness for a login"))?;
        let talk = Scram::begin(&self.user, &STANDARD.encode(random));
        let challenge = self.say(broker, format!("n,,{}", talk.first).into_bytes()).await?;
        let strange = |why: &str| {
            Error::remote(format!("`{}` does not speak SCRAM as it should", broker.name)).why(why)
        };
        let challenge = String::from_utf8_lossy(&challenge).into_owned();
        let (answer, signature) =
            talk.answer::<D>(block, self.password.expose(), &challenge).map_err(strange)?;
        let proof = self.say(broker, answer.into_bytes()).await?;
        if String::from_utf8_lossy(&proof).strip_prefix("v=") == Some(signature.as_str()) {
            return Ok(());
        }
        Err(Error::remote(format!("`{}` does not know the password of `{}` itself", broker.name, self.user))
            .why("what proves that it does is wrong")
            .fix("check `brokers`: this may be somebody else's server"))
    }

    async fn say(&self, broker: &mut Broker, bytes: Vec<u8>) -> Result<Bytes> {
        let said = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(bytes));
        let told: SaslAuthenticateResponse = broker.exchange(said, 1).await?;
        if told.error_code == 0 {
            return Ok(told.auth_bytes);
        }
        let why = told.error_message.as_ref().map_or("", StrBytes::as_str).to_owned();
        Err(Error::remote(format!("`{}` does not let `{}` in", broker.name, self.user))
            .why(why)
            .fix("check `user`, `password` and `mechanism` of that resource")
            .detail("status", 401))
    }
}

/// The words of one login by SCRAM.
struct Scram {
    nonce: String,
    first: String,
}

impl Scram {
    fn begin(user: &str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { nonce: nonce.to_owned(), first: format!("n={user},r={nonce}") }
    }

    /// What answers a challenge, and what the server has to say to that.
    fn answer<D: Digest>(
        &self,
        block: usize,
        password: &str,
        challenge: &str,
    ) -> Result<(String, String), &'static str> {
        let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = part("r=").filter(|nonce| nonce.starts_with(&self.nonce)).ok_or("another nonce")?;
        let salt = part("s=").and_then(|salt| STANDARD.decode(salt).ok()).ok_or("no salt")?;
        let rounds: u32 = part("i=").and_then(|rounds| rounds.parse().ok()).ok_or("no rounds")?;
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err("too many rounds");
        }
        let keyed = |key: &[u8], text: &[u8]| keyed::<D>(block, key, text);
        let mut last = keyed(password.as_bytes(), &[&salt[..], &[0, 0, 0, 1]].concat());
        let mut salted = last.clone();
        for _ in 1..rounds {
            last = keyed(password.as_bytes(), &last);
            salted.iter_mut().zip(&last).for_each(|(all, one)| *all ^= one);
        }
        let without = format!("c=biws,r={nonce}");
        let words = format!("{},{challenge},{without}", self.first);
        let client = keyed(&salted, b"Client Key");
        let signed = keyed(&D::digest(&client), words.as_bytes());
        let proof: Vec<u8> = client.iter().zip(&signed).map(|(key, sign)| key ^ sign).collect();
        let server = keyed(&keyed(&salted, b"Server Key"), words.as_bytes());
        Ok((format!("{without},p={}", STANDARD.encode(proof)), STANDARD.encode(server)))
    }
}

/// HMAC, RFC 2104.
fn keyed<D: Digest>(block: usize, key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut padded = if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() };
    padded.resize(block, 0);
    let with = |mask: u8| padded.iter().map(|byte| byte ^ mask).collect::<Vec<u8>>();
    let inner = D::new().chain_update(with(0x36)).chain_update(text).finalize();
    D::new().chain_update(with(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn a_challenge_is_answered_as_the_standard_says() {
        let talk = Scram::begin("user", "rOprNGfwEbeRWgbNEkqO");
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (answer, signature) = talk.answer::<Sha256>(64, "pencil", challenge).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(talk.answer::<Sha256>(64, "pencil", "r=other,s=W22Z,i=4096"), Err("another nonce"));
        let (_, wrong) = talk.answer::<Sha256>(64, "pencils", challenge).unwrap();
        assert_ne!(wrong, signature);
    }
}
