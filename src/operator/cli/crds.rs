//! `acs-operator crds`: the CustomResourceDefinitions as YAML, and the chart templates made from them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

const GENERATED: &str = "# Generated from the Rust types by `make generate`. Do not edit.\n";

/// Prints every CRD as one stream of YAML documents, or writes one file per CRD into a directory.
///
/// # Errors
/// When a file or stdout cannot be written.
pub fn print(output: Option<&Path>) -> Result<()> {
    let Some(directory) = output else {
        let documents: Vec<String> = published().iter().map(document).collect::<Result<_>>()?;
        std::io::stdout().write_all(documents.join("---\n").as_bytes()).context("writing to stdout")?;
        return Ok(());
    };
    std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    for crd in published() {
        let path = directory.join(file_name(&crd));
        std::fs::write(&path, document(&crd)?).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The CRDs as users get them: the kinds' own, less two habits of the derive macros. A field that may be null would pass the
/// rules that ask whether it is set; and `kubectl explain` would begin with the name of a Rust type.
pub fn published() -> Vec<CustomResourceDefinition> {
    let mut all = acs_core::kinds::crds::crds();
    for crd in &mut all {
        for version in &mut crd.spec.versions {
            let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
            let Some(schema) = schema else { continue };
            never_null(schema);
            let spec = schema.properties.as_ref().and_then(|properties| properties.get("spec"));
            schema.description = spec.and_then(|spec| spec.description.clone());
        }
    }
    all
}

fn never_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flatten().for_each(|(_, child)| never_null(child));
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &mut schema.items {
        never_null(item);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        never_null(value);
    }
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
mod chart;
#[cfg(test)]
mod tests;
