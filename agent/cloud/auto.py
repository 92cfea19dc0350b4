"""A plan's ``networks: auto``, and ``--metadata``: asked when the plan is run here, and not before."""

from attrs import evolve

from agent.cloud import metadata
from reports.model import Plan

# For whoever is not on an instance.
_INSTEAD = """\
networks: auto and --metadata are for an ECS instance; elsewhere name the vSwitches (linkdoctor discover finds them):
  networks:
    - {name: vswitch-a, cidr: 10.10.1.0/24}"""


def filled(plan: Plan, base: str = metadata.BASE) -> Plan:
    """The plan with the networks of the instance that this is, where it asks for them; and else as it is.

    ``base``: see metadata.ask. A region that the plan names stays. Raises MetadataError.
    """
    if not plan.ask_networks:
        return plan
    try:
        instance = metadata.ask(base)
    except metadata.MetadataError as error:
        raise metadata.MetadataError(f"{error}\n{_INSTEAD}") from None
    return evolve(plan, networks=instance.networks, ask_networks=False, region=plan.region or instance.region)
