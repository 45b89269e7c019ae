//! Parts of the state as the text that answers give back.

pub(crate) mod entities;
pub(crate) mod external;
pub(crate) mod principals;
pub(crate) mod schema;
pub(crate) mod script;
