"""The table of comparisons."""

from collections.abc import Mapping

from tests.lab.comparisons.case import BESIDE_DB, LAPTOP, VPC_HOST, Case, Point, executor, job
from tests.lab.nameserver import FIRST, SECOND
from tests.lab.network import EMR, STORE, VPCHOST
from tests.lab.scenario import DEGRADED, NETWORKS, host, spark, target, udf

_VSWITCH_D = {"name": "vswitch-d", "cidr": "10.10.9.0/24"}
_DATABASE = udf("mysql", "metastore", "zookeeper", "aliyun")
_ELASTIC = udf("elasticsearch", "metastore", "aliyun")
_PARTNER = udf("partner", "aliyun", "metastore")
_PARTNER_ALONE = udf("partner", "metastore")
_EXECUTORS = spark("mysql", "zookeeper", "aliyun")
# By address: no answer of a name server finds its way into the subnet.
_ZOOKEEPER, _SEARCH = target("zookeeper", address="10.10.3.20:2181"), target("elasticsearch", address="10.10.3.21:9200")

_VPC = (
    Case(
        name="whitelist_holds_the_host_alone",
        title="the security group admits the host that was used to try, and not the ENI of the same vSwitch",
        plan=_DATABASE,
        faults=("db_drops_eni",),
        points=(job(), VPC_HOST),
        expected="ip_whitelist_mismatch",
        targets=("mysql",),
        says="in the same vSwitch (10.10.1.0/24)",
    ),
    Case(
        name="group_admits_its_own_vswitch_alone",
        title="the target's neighbour reaches it, and nobody of the job's vSwitch does",
        plan=_DATABASE,
        faults=("db_drops_vswitch_a",),
        points=(job(), VPC_HOST, BESIDE_DB),
        expected="sg_drop",
        targets=("mysql",),
        says="in the target's own subnet: its host is up and listens",
        surer="alone it is the likeliest of several, and the host may be down",
    ),
    Case(
        name="eni_in_another_vswitch",
        title="the target admits vswitch-a, where the host stands, and the ENI is in another vSwitch",
        plan=udf("mysql", "metastore", "zookeeper", networks=[*NETWORKS, _VSWITCH_D]),
        faults=("only_vswitch_a",),
        points=(job("eni_elsewhere"), VPC_HOST),
        expected="eni_wrong_vswitch",
        targets=("mysql",),
        says="the job comes from another vSwitch, 10.10.9.0/24",
    ),
    Case(
        name="eni_group_lets_nothing_out",
        title="three targets of one subnet are silent for the job, and open for a host in the ENI's vSwitch",
        plan=udf("mysql", "metastore", "replica", "aliyun"),
        faults=("eni_group",),
        points=(job(), VPC_HOST),
        expected="eni_group_blocks_outbound",
        targets=("mysql", "metastore", "replica"),
        says="the job reaches none of the 3 targets",
        surer="alone it may guess so, since all are silent; that they are up, only the host shows",
    ),
    Case(
        name="no_eni_and_no_declared_network",
        title="the plan names no vSwitch, so that the job alone cannot know that it has no ENI",
        plan=udf("mysql", "metastore", "aliyun", networks=[]),
        points=(job("eni_detached"), VPC_HOST),
        expected="eni_missing",
        targets=("mysql", "metastore"),
        says="the job has no address in the VPC",
        surer="alone it only sees that the default route is taken",
    ),
    Case(
        name="service_is_off",
        title="a reset inside the sandbox proves little; the same from the VPC host proves that nothing listens",
        plan=_DATABASE,
        faults=("mysql_stopped",),
        points=(job(), VPC_HOST),
        expected="service_not_listening",
        targets=("mysql",),
        says="the reset is the target's own",
        surer="alone it cannot know whether the reset is the sandbox's",
    ),
    Case(
        name="service_hangs_for_all",
        title="accepted, then silence: from the VPC host as well, where no forwarder is between",
        plan=_DATABASE,
        faults=("mysql_hangs",),
        points=(job(), VPC_HOST),
        expected="service_hang",
        targets=("mysql",),
        says="without any forwarder between",
        surer="alone it cannot know whether a forwarder accepted in the target's place",
    ),
    Case(
        name="route_lost_to_a_whole_vswitch",
        title="vswitch-c is silent from two vSwitches, and works inside",
        plan=udf(_ZOOKEEPER, "mysql", "aliyun"),
        faults=("fabric_is_silent", "blackhole"),
        points=(
            job(),
            Point(node=EMR, plan=host(_SEARCH, "mysql")),
            Point(node=STORE, plan=host(_ZOOKEEPER, _SEARCH)),
        ),
        expected="blackhole_route",
        targets=("zookeeper", "elasticsearch"),
        says="in the target's own subnet",
    ),
    Case(
        name="host_alone_is_not_admitted",
        title="the job works; the host from which somebody tried is not admitted",
        plan=host("mysql", "metastore", "zookeeper"),
        faults=("db_drops_vpchost",),
        points=(job(), VPC_HOST),
        expected="ip_whitelist_mismatch",
        targets=("mysql",),
        verdict=DEGRADED,
        says="the job itself reaches it",
    ),
)

_INTERNET = (
    Case(
        name="refused_by_the_sandbox",
        title="one public target is refused inside the job: the reset is the sandbox's, since a laptop reaches it",
        plan=_PARTNER_ALONE,
        faults=("internet_refused",),
        points=(job(), LAPTOP),
        expected="access_not_enabled",
        targets=("partner",),
        says="is not the target's",
    ),
    Case(
        name="access_list_lacks_it",
        title="the only public target is silent inside the job, and a laptop and a host behind NAT reach it",
        plan=_PARTNER,
        faults=("partner_not_admitted",),
        points=(job(), VPC_HOST, LAPTOP),
        expected="access_list_missing_host",
        targets=("partner",),
        says="by another way",
        surer="alone it cannot know whether the target is up",
    ),
    Case(
        name="forwarder_accepts_in_its_place",
        title="the handshake completes inside the job and not a byte comes; a laptop hears the service",
        plan=_PARTNER,
        faults=("forwarder", "forwarder_accepts"),
        points=(job(), LAPTOP),
        expected="access_list_missing_host",
        targets=("partner",),
        says="what accepted the job's connection was not the target",
    ),
    Case(
        name="partner_refuses_the_outbound_address",
        title="403 for the job, 200 for the same request from a laptop",
        plan=_PARTNER,
        faults=("partner_refuses", "partner_knows_others"),
        points=(job(), LAPTOP),
        expected="outbound_ip_changed",
        targets=("partner",),
        says="the same request from another outbound address",
    ),
    Case(
        name="partner_drops_the_cloud",
        title="both ways out of the cloud are silent, and a laptop reaches it",
        plan=_PARTNER,
        faults=("partner_drops_cloud",),
        points=(job(), VPC_HOST, LAPTOP),
        expected="outbound_ip_changed",
        targets=("partner",),
        says="two ways out of the cloud fail",
    ),
    Case(
        name="partner_is_off",
        title="silent from everywhere: the access list is cleared",
        plan=_PARTNER,
        faults=("partner_is_off",),
        points=(job(), VPC_HOST, LAPTOP),
        expected="host_down",
        targets=("partner",),
        says="by a way that no access list governs",
    ),
    Case(
        name="vswitch_without_nat",
        title="the host of the VPC reaches nothing public, while the job's own way and a laptop do",
        plan=host("partner", "metastore"),
        faults=("no_nat_gateway",),
        points=(job(), VPC_HOST, LAPTOP),
        expected="no_internet_egress",
        targets=("partner",),
        verdict=DEGRADED,
        says="nothing on the Internet is reached from",
        surer="alone it cannot know whether the only public target is up",
    ),
    Case(
        name="tls_opened_on_the_way",
        title="the job is shown another issuer than a laptop",
        plan=_PARTNER_ALONE,
        points=(job("partner_untrusted"), LAPTOP),
        expected="tls_intercepted",
        targets=("partner",),
        says="is issued by",
    ),
)

_NAMES = (
    Case(
        name="zone_not_attached",
        title="the name does not exist for the job's name servers, and exists for the VPC host's",
        plan=_ELASTIC,
        points=(job("zone_not_attached"), VPC_HOST),
        expected="dns_zone_not_attached",
        targets=("elasticsearch",),
        says="it exists, and not for the name servers of the others",
    ),
    Case(
        name="stale_answer",
        title="the job is given an address that nobody answers at, the VPC host the right one",
        plan=_ELASTIC,
        points=(job("stale_everywhere"), VPC_HOST),
        expected="dns_stale_answer",
        targets=("elasticsearch",),
        says="the name leads to 10.10.3.98",
    ),
    Case(
        name="split_horizon",
        title="the job is given the public address, where it is not admitted; the VPC host the private one",
        plan=udf(target("partner", via="auto"), "aliyun", "metastore"),
        faults=("partner_serves_inside", "partner_not_admitted"),
        points=(job(), Point(node=VPCHOST, faults=("partner_inside",))),
        expected="dns_split_horizon",
        targets=("partner",),
        says="the name leads to 198.51.100.20 there, and to 10.10.3.20",
    ),
)

_FACTORS = (
    Case(
        name="executors_of_one_vswitch",
        title="two of five executors have their ENI in a vSwitch that the database does not admit",
        plan=_EXECUTORS,
        faults=("only_vswitch_a",),
        points=(
            *(executor(name) for name in ("1", "2", "3")),
            *(executor(name, "eni_elsewhere") for name in ("4", "5")),
        ),
        expected="eni_wrong_vswitch",
        targets=("mysql",),
        says="the 2 of 5 that fail are exactly those that come from the vSwitch 10.10.9.0/24",
    ),
    Case(
        name="executors_of_one_eni",
        title="the whitelist lacks one of the two ENI addresses of the vSwitch",
        plan=_EXECUTORS,
        faults=("db_drops_eni",),
        points=(
            *(executor(name) for name in ("1", "2")),
            *(executor(name, "eni_renumbered") for name in ("3", "4", "5")),
        ),
        expected="ip_whitelist_mismatch",
        targets=("mysql",),
        says="the 2 of 5 that fail are exactly those that come from 10.10.1.10",
    ),
    Case(
        name="executor_without_eni",
        title="one of four executors has no ENI, and the plan names no vSwitch",
        plan=spark("mysql", "zookeeper", "aliyun", networks=[]),
        points=(*(executor(name) for name in ("1", "2", "3")), executor("4", "eni_detached")),
        expected="eni_missing",
        targets=("mysql", "zookeeper"),
        says="the 1 of 4 that fail are exactly those without an address in the VPC",
        surer="alone it only sees that the default route is taken",
    ),
    Case(
        name="executors_of_one_name_server",
        title="those that ask the first name server get an address that the service has left",
        plan=spark("elasticsearch", "mysql", "aliyun"),
        faults=("dns_stale",),
        points=(
            *(executor(name, resolv_conf=f"nameserver {FIRST}\n") for name in ("1", "2")),
            *(executor(name, resolv_conf=f"nameserver {SECOND}\n") for name in ("3", "4", "5")),
        ),
        expected="dns_stale_answer",
        targets=("elasticsearch",),
        says="the 2 of 5 that fail are exactly those whose name leads to 10.10.3.98",
    ),
)

CASES: Mapping[str, Case] = {case.name: case for case in (*_VPC, *_INTERNET, *_NAMES, *_FACTORS)}
