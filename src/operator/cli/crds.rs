//! `acs-operator crds`: the CustomResourceDefinitions as YAML, and the chart templates made from them.

use std::io::Write;
use std::path::Path;

use acs_core::kinds::crds::crds;
use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

const GENERATED: &str = "# Generated from the Rust types by `make generate`. Do not edit.\n";

/// Prints every CRD as one stream of YAML documents, or writes one file per CRD into a directory.
///
/// # Errors
/// When a file or stdout cannot be written.
pub fn print(output: Option<&Path>) -> Result<()> {
    let Some(directory) = output else {
        let documents: Vec<String> = crds().iter().map(document).collect::<Result<_>>()?;
        std::io::stdout().write_all(documents.join("---\n").as_bytes()).context("writing to stdout")?;
        return Ok(());
    };
    std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    for crd in crds() {
        let path = directory.join(file_name(&crd));
        std::fs::write(&path, document(&crd)?).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Name of the file that a CRD stands in.
pub fn file_name(crd: &CustomResourceDefinition) -> String {
    format!("{}.yaml", crd.spec.names.plural)
}

/// One CRD as a YAML document with its "generated" line.
///
/// # Errors
/// When the CRD cannot be put into YAML, which would be a fault in its types.
pub fn document(crd: &CustomResourceDefinition) -> Result<String> {
    let yaml = serde_saphyr::to_string(crd).with_context(|| format!("writing {} as YAML", crd.spec.names.kind))?;
    Ok(format!("{GENERATED}{yaml}"))
}

/// The chart's template of a CRD: the same document behind the values that say whether it is installed, and kept.
///
/// # Errors
/// As [`document`].
pub fn template(crd: &CustomResourceDefinition) -> Result<String> {
    let yaml = document(crd)?;
    let yaml = yaml.strip_prefix(GENERATED).unwrap_or(&yaml);
    let escaped = yaml.replace("{{", "{{ \"{{\" }}");
    let metadata = escaped.replacen("\nmetadata:\n", &format!("\nmetadata:\n{CHART_METADATA}"), 1);
    Ok(format!("{GENERATED}{{{{- if .Values.crds.install }}}}\n{metadata}{{{{- end }}}}\n"))
}

const CHART_METADATA: &str = r#"  labels:
    {{- include "acs-operator.labels" . | nindent 4 }}
  {{- if or .Values.crds.keep .Values.crds.annotations }}
  annotations:
    {{- if .Values.crds.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
    {{- with .Values.crds.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
"#;

#[cfg(test)]
#[path = "crds/tests.rs"]
mod tests;
