//! Principals and roles (`M:security-roles.md`).

use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A role, at whatever scope it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Everything at the scope.
    Admin,
    /// Everything in every database; cluster only.
    AllDatabasesAdmin,
    /// Metadata of every database; cluster only.
    AllDatabasesMonitor,
    /// Data and metadata of every database; cluster only.
    AllDatabasesViewer,
    /// Writing data.
    Ingestor,
    /// Metadata only.
    Monitor,
    /// Reading tables under restricted view access.
    UnrestrictedViewer,
    /// Reading, and creating tables and functions.
    User,
    /// Reading.
    Viewer,
}

impl Role {
    /// Every role with its word in commands and its name in answers and in ARM.
    const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::Admin, "admins", "Admin"),
        (Self::AllDatabasesAdmin, "alldatabasesadmins", "AllDatabasesAdmin"),
        (Self::AllDatabasesMonitor, "alldatabasesmonitors", "AllDatabasesMonitor"),
        (Self::AllDatabasesViewer, "alldatabasesviewers", "AllDatabasesViewer"),
        (Self::Ingestor, "ingestors", "Ingestor"),
        (Self::Monitor, "monitors", "Monitor"),
        (Self::UnrestrictedViewer, "unrestrictedviewers", "UnrestrictedViewer"),
        (Self::User, "users", "User"),
        (Self::Viewer, "viewers", "Viewer"),
    ];

    /// The role of a word in a command.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(role, _, _)| *role)
    }

    /// The role of an ARM name, without case.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, _, known)| known.eq_ignore_ascii_case(name)).map(|(role, _, _)| *role)
    }

    /// The word in commands.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(role, _, _)| *role == self).map_or("", |(_, word, _)| word)
    }

    /// The name in answers and in ARM.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(role, _, _)| *role == self).map_or("", |(_, _, name)| name)
    }
}

/// A principal as the service resolves it. Two are the same when kind, id and tenant are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// `aaduser`, `aadgroup` or `aadapp`.
    pub(crate) key: String,
    /// The object id of a user or group, the application id of an application.
    pub(crate) id: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// The object id in the directory.
    pub(crate) object_id: String,
    /// What the assignment was made with: an id, a mail address or a name.
    pub(crate) given: String,
}

impl PartialEq for Holder {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, &self.id, &self.tenant) == (&other.key, &other.id, &other.tenant)
    }
}

impl Holder {
    /// Resolves a principal. What is no GUID would be looked up in the directory; without one, ids are made from the
    /// text, so that the same text always gives the same id.
    pub(crate) fn resolve(key: &str, given: &str, tenant: &str) -> Self {
        let guid = |text: &str| match Uuid::try_parse(text) {
            Ok(guid) => guid.to_string(),
            Err(_) => Uuid::new_v5(&Uuid::NAMESPACE_DNS, text.to_lowercase().as_bytes()).to_string(),
        };
        let id = guid(given);
        let tenant = if tenant.is_empty() { choices::HOME_TENANT.to_owned() } else { guid(tenant) };
        Self { key: key.to_owned(), object_id: id.clone(), id, tenant, given: given.to_owned() }
    }

    /// Reads `aadapp=id;tenant` and its like.
    pub(crate) fn parse(fqn: &str) -> Result<Self, Fault> {
        let wrong = || {
            Fault::coded(
                "BadRequest_PrincipalFormatIsNotValid",
                "PrincipalFormatIsNotValidException",
                format!("Principal '{fqn}' is not of the form aaduser=…, aadgroup=… or aadapp=…;tenant."),
            )
        };
        let (key, rest) = fqn.split_once('=').ok_or_else(wrong)?;
        let key = key.trim().to_ascii_lowercase();
        let key = match key.as_str() {
            "msauser" | "aaduser" => "aaduser",
            "aadgroup" | "aadapp" => key.as_str(),
            _ => return Err(wrong()),
        };
        let (id, tenant) = rest.split_once(';').unwrap_or((rest, ""));
        if id.trim().is_empty() {
            return Err(wrong());
        }
        Ok(Self::resolve(key, id.trim(), tenant.trim()))
    }

    /// The fully qualified name as reads give it back.
    pub(crate) fn fqn(&self) -> String {
        format!("{}={};{}", self.key, self.id, self.tenant)
    }

    /// The words of `PrincipalType`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.key.as_str() {
            "aadapp" => "Microsoft Entra app",
            "aadgroup" => "Microsoft Entra group",
            _ => "Microsoft Entra user",
        }
    }

    /// The words of `PrincipalDisplayName`.
    pub(crate) fn display_name(&self) -> String {
        let name = self.given.split('@').next().unwrap_or_default();
        match self.key.as_str() {
            "aadapp" => format!("{} (app id: {})", self.given, self.id),
            "aadgroup" => self.given.clone(),
            _ => format!("{name} (upn: {})", self.given),
        }
    }
}

/// A role held by a principal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// The role.
    pub(crate) role: Role,
    /// The principal.
    pub(crate) holder: Holder,
    /// The notes of the command that assigned it.
    pub(crate) notes: String,
    /// Identifies the assignment.
    pub(crate) id: String,
    /// Whether the service assigned it by itself, because the principal created the entity.
    pub(crate) by_creation: bool,
}

impl Assignment {
    /// A role for the creator of an entity.
    pub(crate) fn by_creation(role: Role, holder: &Holder) -> Self {
        let id = Uuid::new_v4().to_string();
        Self { role, holder: holder.clone(), notes: String::new(), id, by_creation: true }
    }
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Caller {
    /// The principal.
    pub(crate) holder: Holder,
    /// The name for people.
    pub(crate) name: String,
}
