//! Whether the chat can be reached, and whether its token is good; nothing is posted.

use serde_json::json;

use super::settings::Chat;
use super::slack;
use crate::base::error::Result;
use crate::effect::api::Ask;
use crate::effect::cx::Cx;
use crate::effect::health::Health;

/// Asks Slack whose token it is. A webhook can be asked for nothing but to post, so only its host is reached.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let chat = Chat::of(&cx).await?;
    if !chat.is_web_api() {
        let reply = chat.api.send(&cx, &Ask::get(&[])).await.map_err(|error| chat.told(error))?;
        return Ok(Health::reached()
            .date(reply.header("date"))
            .fact("a webhook: only a message could tell more"));
    }
    let reply = chat.api.ask(&cx, &Ask::post(&["auth.test"], &json!({})), "test its token").await;
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return Health::or_refused(error),
    };
    let channel = chat.table.channel.clone().unwrap_or_default();
    match slack::judge(&chat.api, &reply, &channel, "test its token") {
        Ok(()) => Ok(Health::reached()
            .date(reply.header("date"))
            .version("Slack Web API")
            .fact(format!("as {} in {}", reply.at("/user"), reply.at("/team")))
            .fact(format!("posts to {channel}"))),
        Err(error) => Health::or_refused(error),
    }
}
