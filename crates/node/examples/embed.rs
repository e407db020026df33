//! A node inside of another program: publish a document and ask for it.
//!
//! Run it with `cargo run -p pandan-node --example embed`.

use pandan_identity::KeyPair;
use pandan_node::{Node, Request};
use pandan_operations::{Fields, Operation, RawValue, SystemSchema};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = Node::builder().in_memory().http("127.0.0.1:0".parse()?).start().await?;
    println!("write queries on http://{}/graphql", node.addresses()[0]);
    let mut commits = node.subscribe();

    // Keys of people stay with the program; the node only sees what they signed.
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let field = |name, text: &str| (name, RawValue::Str(text.into()));
    let fields = Fields::from_pairs([field("name", "founded"), field("type", "int")])?;
    let operation =
        Operation::Create { schema: SystemSchema::SchemaFieldDefinition.into(), fields };
    let payload = operation.encode();
    let arguments = node.next_args(&key_pair.public_key(), None).await??;
    let entry = arguments.forge(&key_pair, &payload);
    node.publish(entry.as_bytes(), &payload).await?;

    println!("stored: {:?}", commits.next().await);
    let query = "{ all_schema_field_definition_v1 { documents { fields { name type } } } }";
    println!("{}", node.query(Request::new(query)).await.to_json());
    node.shutdown().await;
    Ok(())
}
