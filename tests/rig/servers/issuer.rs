//! A small OpenID provider: it signs with a key of its own, remembers the challenge, and tells what it is told to tell.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::Digest as _;

/// A running provider; it ends with the test process.
pub struct Issuer {
    /// Its address.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    private: Vec<u8>,
    jwk: Value,
    /// What it says of whoever comes, over what it says by itself.
    claims: Mutex<Value>,
    /// The challenge and nonce of each code that it gave.
    codes: Mutex<HashMap<String, (String, String)>>,
}

impl Issuer {
    /// Starts one that says of everybody what `claims` say; `None` without openssl.
    pub fn start(claims: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let openssl = |arguments: &[&str]| {
            let done = Command::new("openssl").args(arguments).output().unwrap();
            assert!(done.status.success(), "{arguments:?}: {done:?}");
        };
        let (key, der, public) = (path("key"), path("der"), path("public"));
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", &key, "-outform", "DER", "-out", &der]);
        openssl(&["pkey", "-in", &key, "-pubout", "-outform", "DER", "-out", &public]);
        let point = std::fs::read(&public).unwrap();
        let (x, y) = point[point.len() - 64..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one", "x": x, "y": y });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            private: std::fs::read(&der).unwrap(),
            jwk,
            claims: Mutex::new(claims),
            codes: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serving.serve(stream);
            }
        });
        Self { url, shared }
    }

    /// Says something else of whoever comes from now on.
    pub fn say(&self, claims: Value) {
        *self.shared.claims.lock().unwrap() = claims;
    }

    /// What a person does who was sent there: they say who they are, and are sent back. Gives the path and query of that.
    pub fn agree(&self, address: &str) -> String {
        let query: HashMap<String, String> =
            reqwest::Url::parse(address).unwrap().query_pairs().into_owned().collect();
        assert_eq!(
            (query["response_type"].as_str(), query["code_challenge_method"].as_str()),
            ("code", "S256")
        );
        let code = format!("code{}", self.shared.codes.lock().unwrap().len());
        let kept = (query["code_challenge"].clone(), query["nonce"].clone());
        self.shared.codes.lock().unwrap().insert(code.clone(), kept);
        format!("{}?code={code}&state={}", query["redirect_uri"], query["state"])
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let answer = match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": self.url, "authorization_endpoint": format!("{}/authorize", self.url),
                "token_endpoint": format!("{}/token", self.url), "jwks_uri": format!("{}/keys", self.url),
            }),
            "/keys" => json!({ "keys": [self.jwk] }),
            "/token" => self.token(&String::from_utf8_lossy(&body)),
            _ => json!({ "error": "nothing here" }),
        };
        let (status, text) =
            if answer["error"].is_null() { (200, answer.to_string()) } else { (400, answer.to_string()) };
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )
    }

    fn token(&self, body: &str) -> Value {
        let form: HashMap<String, String> =
            reqwest::Url::parse(&format!("http://x/?{body}")).unwrap().query_pairs().into_owned().collect();
        let Some((challenge, nonce)) = self.codes.lock().unwrap().remove(&form["code"]) else {
            return json!({ "error": "invalid_grant" });
        };
        let verified = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(form["code_verifier"].as_bytes()));
        if verified != challenge {
            return json!({ "error": "invalid_grant", "error_description": "the verifier does not fit" });
        }
        let mut claims = json!({ "iss": self.url, "aud": "playbook", "sub": "1", "nonce": nonce, "exp": jiff::Timestamp::now().as_second() + 300 });
        for (name, value) in self.claims.lock().unwrap().as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut head = Header::new(Algorithm::ES256);
        head.kid = Some("one".to_owned());
        let token = match claims["signed"].as_str() {
            // As one who has not the key would do it.
            Some("not") => {
                let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))
            }
            Some("secret") => jsonwebtoken::encode(
                &Header::new(Algorithm::HS256),
                &claims,
                &EncodingKey::from_secret(b"playbook"),
            )
            .unwrap(),
            _ => jsonwebtoken::encode(&head, &claims, &EncodingKey::from_ec_der(&self.private)).unwrap(),
        };
        json!({ "access_token": "a", "token_type": "Bearer", "id_token": token })
    }
}
