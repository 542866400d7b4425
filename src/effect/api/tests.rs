//! The words of products, as their manuals print them.

use bytes::Bytes;

use super::Reply;
use crate::sys::http::Answer;

fn words(body: &str) -> String {
    let body = Bytes::from(body.to_owned());
    let answer =
        Answer { status: 400, status_line: "400 Bad Request".into(), headers: Vec::new(), body, cut: false };
    Reply::new(answer).words()
}

#[test]
fn each_product_is_quoted() {
    assert_eq!(words(r#"{"ok":false,"error":"channel_not_found"}"#), "channel_not_found");
    let pagerduty = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect"]}"#;
    assert_eq!(words(pagerduty), "Event object is invalid; Length of 'routing_key' is incorrect");
    let github = r#"{"message":"Validation Failed","errors":[{"resource":"Release","code":"already_exists","field":"tag_name"}]}"#;
    assert_eq!(words(github), "Validation Failed; Release tag_name already_exists");
    let registry =
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"v9"}}]}"#;
    assert_eq!(words(registry), "MANIFEST_UNKNOWN manifest unknown");
    assert_eq!(words("no_service"), "no_service");
}
