//! Which hosts a token may be sent to.
//!
//! Invariant: a host gets a token only when it is the control plane's, ends with a suffix of the clusters of
//! that cloud or of its other interfaces, or is named by the user; the emulator's bearer goes to this machine only (test:
//! `only_known_hosts_are_trusted`).

use super::config::{Auth, Config};
use super::error::{Class, CloudError};
use reqwest::Url;

/// One of Azure's clouds, as the official clients know it.
struct Known {
    login: &'static str,
    arm: Option<(&'static str, &'static str)>,
    kusto: &'static [&'static str],
    /// The suffix of its key vaults' hosts.
    vault: Option<&'static str>,
    /// The suffixes of its storage accounts' blob endpoints.
    storage: &'static [&'static str],
    /// The suffixes of other interfaces, each with what tokens for it are asked for.
    rest: &'static [(&'static str, &'static str)],
}

/// Control planes with their audiences, and the suffixes of their clusters.
const KNOWN: &[Known] = &[
    Known {
        login: "https://login.microsoftonline.com",
        arm: Some(("management.azure.com", "https://management.azure.com")),
        kusto: &[
            "kusto.windows.net",
            "kustomfa.windows.net",
            "kusto.azuresynapse.net",
            "kusto.data.microsoft.com",
            "kusto.fabric.microsoft.com",
        ],
        vault: Some("vault.azure.net"),
        storage: &["blob.core.windows.net", "blob.storage.azure.net"],
        // <https://learn.microsoft.com/rest/api/iotcentral/authentication>
        rest: &[("azureiotcentral.com", "https://apps.azureiotcentral.com")],
    },
    Known {
        login: "https://login.microsoftonline.us",
        arm: Some(("management.usgovcloudapi.net", "https://management.usgovcloudapi.net")),
        kusto: &["kusto.usgovcloudapi.net", "kustomfa.usgovcloudapi.net"],
        vault: Some("vault.usgovcloudapi.net"),
        storage: &["blob.core.usgovcloudapi.net"],
        rest: &[],
    },
    Known {
        login: "https://login.chinacloudapi.cn",
        arm: Some(("management.chinacloudapi.cn", "https://management.chinacloudapi.cn")),
        kusto: &["kusto.chinacloudapi.cn", "kusto.azuresynapse.azure.cn"],
        vault: Some("vault.azure.cn"),
        storage: &["blob.core.chinacloudapi.cn"],
        rest: &[],
    },
    Known {
        login: "https://login.sovcloud-identity.fr",
        arm: None,
        kusto: &["kusto.sovcloud-api.fr"],
        vault: None,
        storage: &[],
        rest: &[],
    },
    Known {
        login: "https://login.sovcloud-identity.de",
        arm: None,
        kusto: &["kusto.sovcloud-api.de"],
        vault: None,
        storage: &[],
        rest: &[],
    },
    Known {
        login: "https://login.sovcloud-identity.sg",
        arm: None,
        kusto: &["kusto.sovcloud-api.sg"],
        vault: None,
        storage: &[],
        rest: &[],
    },
    Known {
        login: "https://login.microsoftonline.eaglex.ic.gov",
        arm: None,
        kusto: &["kusto.core.eaglex.ic.gov"],
        vault: None,
        storage: &[],
        rest: &[],
    },
    Known {
        login: "https://login.microsoftonline.microsoft.scloud",
        arm: None,
        kusto: &["kusto.core.microsoft.scloud"],
        vault: None,
        storage: &[],
        rest: &[],
    },
];

/// Where tokens come from and may go to.
pub(super) struct Trust {
    /// The control plane.
    pub(super) arm: Url,
    /// What tokens for the control plane are asked for.
    pub(super) audience: String,
    /// Where tokens come from; `None` when nobody said so and the control plane is not a known one.
    pub(super) login: Option<String>,
    kusto: &'static [&'static str],
    vault: Option<&'static str>,
    storage: &'static [&'static str],
    rest: &'static [(&'static str, &'static str)],
    named: Vec<String>,
    local: bool,
}

impl Trust {
    pub(super) fn new(config: &Config) -> Result<Self, CloudError> {
        let arm = parse(&config.arm, "the control plane")?;
        let host = arm.host_str().unwrap_or_default();
        let by_arm = KNOWN.iter().find(|known| known.arm.is_some_and(|(name, _)| name == host));
        let by_login = || {
            let login = config.login.as_deref()?.trim_end_matches('/');
            KNOWN.iter().find(|known| known.login.eq_ignore_ascii_case(login))
        };
        let cloud = by_arm.or_else(by_login);
        let audience = config.audience.clone().or_else(|| Some(by_arm?.arm?.1.to_owned()));
        let trust = Self {
            audience: audience.unwrap_or_else(|| origin(&arm)),
            login: config.login.clone().or_else(|| Some(by_arm?.login.to_owned())),
            kusto: cloud.map_or(&[], |known| known.kusto),
            vault: cloud.and_then(|known| known.vault),
            storage: cloud.map_or(&[], |known| known.storage),
            rest: cloud.map_or(&[], |known| known.rest),
            named: config.trusted.iter().map(|name| name.trim_matches('.').to_ascii_lowercase()).collect(),
            local: matches!(config.auth, Auth::Local),
            arm,
        };
        let known = by_arm.is_some() && !trust.local;
        trust.admit(&trust.arm, known)?;
        Ok(trust)
    }

    /// The management endpoint's URL below a cluster's URI.
    pub(super) fn cluster(&self, uri: &str) -> Result<Url, CloudError> {
        let url = parse(uri, "the cluster's uri")?;
        self.admit(&url, !self.local && self.is_kusto(&url))?;
        Ok(url)
    }

    /// What tokens for a key vault are asked for, when the host is one of this cloud's, or the user named it.
    ///
    /// <https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates>
    pub(super) fn vault(&self, url: &Url) -> Result<String, CloudError> {
        let host = url.host_str().unwrap_or_default();
        let suffix = self.vault.filter(|suffix| host != *suffix && ends(host, suffix));
        self.admit(url, !self.local && suffix.is_some())?;
        Ok(suffix.map_or_else(|| origin(url), |suffix| format!("https://{suffix}")))
    }

    /// Admits a blob container: with a signature of its own anywhere that is encrypted or on this machine, with a
    /// token only on the hosts of this cloud's storage accounts, or those the user named.
    ///
    /// <https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints>
    pub(super) fn storage(&self, url: &Url, signed: bool) -> Result<(), CloudError> {
        let host = url.host_str().unwrap_or_default();
        if signed && plain(url) && (url.scheme() == "https" || loopback(url)) {
            return Ok(());
        }
        let known = self.storage.iter().any(|suffix| host != *suffix && ends(host, suffix));
        self.admit(url, !self.local && known)
    }

    /// The address of another interface of this cloud, and what tokens for it are asked for. The emulator serves all
    /// of them below its own address, by the name of their host.
    ///
    /// # Errors
    /// For a host that is neither known nor named by the user.
    pub(super) fn rest(&self, text: &str) -> Result<(Url, String), CloudError> {
        let url = parse(text, "the address")?;
        let host = url.host_str().unwrap_or_default();
        let is = |(suffix, _): &&(&str, &str)| host != *suffix && ends(host, suffix);
        let known = self.rest.iter().any(|known| is(&known));
        // What a token is asked for follows from the host, whoever says that the host is to be trusted.
        let audience = KNOWN.iter().flat_map(|cloud| cloud.rest).find(is);
        if self.local {
            let segments: Vec<&str> =
                std::iter::once(host).chain(url.path_segments().into_iter().flatten()).collect();
            let mut served = self.arm.clone();
            if let Ok(mut path) = served.path_segments_mut() {
                path.pop_if_empty().extend(segments);
            }
            return Ok((served, origin(&self.arm)));
        }
        self.admit(&url, known)?;
        let audience = audience.map_or_else(|| origin(&url), |(_, audience)| (*audience).to_owned());
        Ok((url, audience))
    }

    /// The URL at which an operation or a list goes on; it must be on the host that says so, which is the control
    /// plane's unless another is given.
    pub(super) fn onward(&self, url: &str, from: Option<&Url>) -> Result<Url, CloudError> {
        let from = from.unwrap_or(&self.arm);
        let onward = parse(url, "the address to go on at")?;
        if onward.origin() == from.origin() && plain(&onward) {
            return Ok(onward);
        }
        let message = format!(
            "the service at {} points to {} to go on, and tokens go to one host only",
            origin(from),
            origin(&onward)
        );
        Err(CloudError::new(Class::Refused, "UntrustedHost", message, String::new()))
    }

    /// Whether a host that is named by a cluster's own metadata may be an audience.
    pub(super) fn is_kusto(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.kusto.iter().any(|suffix| ends(host, suffix)))
    }

    fn admit(&self, url: &Url, known: bool) -> Result<(), CloudError> {
        let host = url.host_str().unwrap_or_default();
        let refuse = |code, message: String, hint: &str| {
            let request = String::new();
            Err(CloudError::new(Class::Refused, code, message, request).hint(hint))
        };
        if !plain(url) {
            let message = format!("`{}` holds a user name or password", origin(url));
            return refuse(
                "InvalidUrl",
                message,
                "give the address alone; credentials are found as the documentation says",
            );
        }
        if self.local {
            if loopback(url) {
                return Ok(());
            }
            let message = format!("`{host}` is not this machine, and the emulator's token goes no further");
            return refuse("UntrustedHost", message, "use the target `azure` for real clusters");
        }
        if url.scheme() != "https" && !loopback(url) {
            let message = format!("`{}` is not https, and tokens are not sent in the clear", origin(url));
            return refuse("InsecureUrl", message, "give an address that starts with https://");
        }
        if known || self.named.iter().any(|name| ends(host, name)) {
            return Ok(());
        }
        let message = format!("`{host}` is not a host of this cloud, so no token is sent to it");
        refuse(
            "UntrustedHost",
            message,
            "if the host is yours, name it in `trusted-hosts` under `[azure]` in adxform.toml",
        )
    }
}

pub(super) fn parse(text: &str, what: &str) -> Result<Url, CloudError> {
    let usable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    Url::parse(text.trim()).ok().filter(usable).ok_or_else(|| {
        let message = format!("{what} is not a URL: `{text}`");
        CloudError::new(Class::Refused, "InvalidUrl", message, String::new())
            .hint("it looks like https://name.region.kusto.windows.net, or https://management.azure.com")
    })
}

fn plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn ends(host: &str, suffix: &str) -> bool {
    let before = host.strip_suffix(suffix);
    !suffix.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Scheme, host and port: what a person and the directory know a service by.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether a URL is on this machine: a loopback address, `localhost`, or a name below it (RFC 6761).
pub(super) fn loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or_else(|_| ends(host, "localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn trust(arm: &str, trusted: &[&str]) -> Result<Trust, CloudError> {
        let mut config = Config::azure(arm, Arc::new(|_| None));
        config.trusted = trusted.iter().map(|name| (*name).to_owned()).collect();
        Trust::new(&config)
    }

    /// One line per URL: what becomes of it.
    fn clusters(trust: &Trust, urls: &[&str]) -> Vec<String> {
        let of = |url: &&str| trust.cluster(url).map_or_else(|error| error.code, |_| "trusted".to_owned());
        urls.iter().map(|url| format!("{url} {}", of(url))).collect()
    }

    #[test]
    fn only_known_hosts_are_trusted() {
        let trust =
            trust("https://management.azure.com", &["adx.example.org", ".trailing.example."]).unwrap();
        let lines = [
            "https://a.westeurope.kusto.windows.net trusted",
            "https://A.WestEurope.Kusto.Windows.NET/ trusted",
            "https://a.z0.kusto.fabric.microsoft.com trusted",
            "https://p.w.kusto.azuresynapse.net:443 trusted",
            "https://adx.example.org trusted",
            "https://b.adx.example.org trusted",
            "https://x.trailing.example trusted",
            "http://a.westeurope.kusto.windows.net InsecureUrl",
            "https://a.kusto.windows.net.evil.example UntrustedHost",
            "https://evilkusto.windows.net UntrustedHost",
            "https://a.kusto.usgovcloudapi.net UntrustedHost",
            "https://notadx.example.org UntrustedHost",
            "https://a.kusto.windows.net@evil.example InvalidUrl",
            "https://user:word@a.kusto.windows.net InvalidUrl",
            "http://127.0.0.1:8080 UntrustedHost",
            "https://10.0.0.1 UntrustedHost",
            "file:///etc/passwd InvalidUrl",
            "a.kusto.windows.net InvalidUrl",
        ];
        let urls: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(clusters(&trust, &urls), lines);
    }

    #[test]
    fn the_emulators_token_stays_on_this_machine() {
        let local = |arm: &str| Trust::new(&Config::local(arm));
        let trust = local("http://127.0.0.1:4000").unwrap();
        let lines = [
            "http://127.0.0.1:4001/x trusted",
            "http://[::1]:4001 trusted",
            "http://c.localhost:4001 trusted",
            "https://a.kusto.windows.net UntrustedHost",
            "http://notlocalhost UntrustedHost",
            "http://127.0.0.1.evil.example UntrustedHost",
        ];
        let urls: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(clusters(&trust, &urls), lines);
        assert_eq!(local("https://management.azure.com").err().unwrap().code, "UntrustedHost");
    }

    #[test]
    fn the_control_plane_decides_the_cloud() {
        for (arm, audience, login) in [
            (
                "https://management.azure.com/",
                "https://management.azure.com",
                "https://login.microsoftonline.com",
            ),
            (
                "https://management.usgovcloudapi.net",
                "https://management.usgovcloudapi.net",
                "https://login.microsoftonline.us",
            ),
            (
                "https://management.chinacloudapi.cn",
                "https://management.chinacloudapi.cn",
                "https://login.chinacloudapi.cn",
            ),
        ] {
            let trust = trust(arm, &[]).unwrap();
            assert_eq!((trust.audience.as_str(), trust.login.as_deref()), (audience, Some(login)));
        }
        assert_eq!(trust("https://arm.example.org", &[]).err().unwrap().code, "UntrustedHost");
        let named = trust("https://arm.example.org", &["arm.example.org"]).unwrap();
        assert_eq!((named.audience.as_str(), named.login), ("https://arm.example.org", None));
    }

    #[test]
    fn only_known_storage_gets_a_token() {
        let trust = trust("https://management.azure.com", &["blobs.example.org"]).unwrap();
        for (url, token, signed) in [
            ("https://acct.blob.core.windows.net/c", true, true),
            ("https://acct.z01.blob.storage.azure.net/c", true, true),
            ("https://acct.blobs.example.org/c", true, true),
            ("https://blob.core.windows.net/c", false, true),
            ("https://acct.blob.core.chinacloudapi.cn/c", false, true),
            ("https://acct.blob.core.windows.net.evil.example/c", false, true),
            ("http://acct.blob.core.windows.net/c", false, false),
            ("http://127.0.0.1:10000/devstoreaccount1/c", false, true),
            ("https://me@acct.blob.core.windows.net/c", false, false),
        ] {
            let parsed = Url::parse(url).unwrap();
            let found = (trust.storage(&parsed, false).is_ok(), trust.storage(&parsed, true).is_ok());
            assert_eq!(found, (token, signed), "{url}");
        }
    }

    #[test]
    fn another_interface_gets_a_token_of_its_own() {
        let azure = trust("https://management.azure.com", &["iot.example.org"]).unwrap();
        let audience = |trust: &Trust, url: &str| {
            trust.rest(url).map_or_else(|error| error.code, |(url, audience)| format!("{url} {audience}"))
        };
        for (url, expected) in [
            (
                "https://plant.azureiotcentral.com/api/x",
                "https://plant.azureiotcentral.com/api/x https://apps.azureiotcentral.com",
            ),
            ("https://a.iot.example.org/x", "https://a.iot.example.org/x https://a.iot.example.org"),
            ("https://azureiotcentral.com/x", "UntrustedHost"),
            ("https://plant.azureiotcentral.com.evil.example/x", "UntrustedHost"),
            ("http://plant.azureiotcentral.com/x", "InsecureUrl"),
            ("https://me@plant.azureiotcentral.com/x", "InvalidUrl"),
        ] {
            assert_eq!(audience(&azure, url), expected);
        }
        let other = trust("https://management.chinacloudapi.cn", &[]).unwrap();
        assert_eq!(audience(&other, "https://plant.azureiotcentral.com/x"), "UntrustedHost");
        let local = Trust::new(&Config::local("http://127.0.0.1:4000")).unwrap();
        assert_eq!(
            audience(&local, "https://plant.azureiotcentral.com/api/x"),
            "http://127.0.0.1:4000/plant.azureiotcentral.com/api/x http://127.0.0.1:4000"
        );
    }

    #[test]
    fn what_goes_on_elsewhere_is_refused() {
        let trust = trust("https://management.azure.com", &[]).unwrap();
        for (url, goes) in [
            ("https://management.azure.com/subscriptions/s/providers/x?t=1&s=a%2Fb", true),
            ("https://management.azure.com:444/x", false),
            ("http://management.azure.com/x", false),
            ("https://me@management.azure.com/x", false),
            ("https://westus.management.azure.com.evil.example/x", false),
            ("/relative", false),
        ] {
            assert_eq!(trust.onward(url, None).is_ok(), goes, "{url}");
        }
    }
}
