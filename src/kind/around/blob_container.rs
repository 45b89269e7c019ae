//! Blob containers of a storage account.

use super::storage_account::API_VERSION;
use super::{BASE, ID, Neighbour};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, Plane, Source};

/// The kind `blobContainer`.
pub(super) const BLOB_CONTAINER: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmList { segment: "blobServices/default/containers", api_version: API_VERSION },
    defaults: &[("publicAccess", r#""None""#)],
    lost: "every blob in the container is deleted with it",
    ..BASE
};

const ABOUT: About = About {
    name: "blobContainer",
    collection: "containers",
    parents: &["storageAccount"],
    names: NameRule::Plain { min: 3, max: 63, lower: true, others: "-" },
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A container of blobs in a storage account.",
    page: "https://learn.microsoft.com/azure/storage/blobs/storage-blobs-introduction",
    example: "containers:\n  storms: {metadata: {owner: weather}}\n",
    fields: &[
        Field::new(
            "publicAccess",
            Shape::Enum(&["None", "Blob", "Container"]),
            "What anybody may read; the account must allow it. Default: `None`.",
        ),
        Field::new("metadata", Shape::Map(&Shape::Text), "Texts by name. Default: none."),
    ],
    outputs: &[ID],
    ..About::BASE
};
