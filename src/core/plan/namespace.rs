//! `NotificationHubNamespace`.

use crate::azure::notification_hubs as nh;
use crate::kinds::NotificationHubNamespace;
use crate::pass::{Pass, Stepped};
use crate::reason::ConditionType;
use crate::walk;

use super::place::{azure_name, place};

pub fn plan(pass: &mut Pass<'_>, namespace: &NotificationHubNamespace) -> Stepped<()> {
    let spec = &namespace.spec;
    let place = place(pass, spec.account_ref.as_ref(), spec.resource_group.as_ref())?;
    let id = nh::namespace_id(&place.group, azure_name(pass));
    let wanted = nh::namespace(&place.access, id, &pass.owner, &spec.location, spec.sku, &spec.tags);
    pass.is_at(&wanted)?;
    let observed = pass.step(ConditionType::Provisioned, |pass| walk::ensure(pass, &wanted))?;
    pass.output("serviceBusEndpoint", observed.text("/properties/serviceBusEndpoint"));
    Ok(())
}
