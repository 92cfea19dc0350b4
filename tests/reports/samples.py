"""Reports as real runs would give them, for the tests of whatever reads a report."""

from attrs import evolve

from reports.failures import Failure
from reports.model import (
    DEGRADED,
    FAILING,
    HEALTHY,
    UNDETERMINED,
    Candidate,
    Cleared,
    Finding,
    Limits,
    Network,
    Plan,
    Remedy,
    Report,
    Setting,
    Target,
    TargetResult,
    Vantage,
)
from tests.reports.building import connected, report_of, seen

HOSTILE = (
    "5.7\x1b[2J\x1b]0;owned\x07 [bold red]evil[/] \u202egnp.exe\u202c \u200bzero\x9b31m\r\nx metastore fine {0} %s"
)


UDF = Vantage(
    kind="udf",
    host="a1b2c3d4e5f6",
    platform="Linux-5.10.134-x86_64",
    python="3.7.3",
    addresses=("10.10.1.10/24%eth1", "100.64.3.7/32%eth0"),
    name_servers=("10.10.1.2", "10.10.1.3"),
    capabilities={"error_queue": True, "tcp_info": True, "threads": False, "raw_socket": False},
)

NIGHTLY_PLAN = Plan(
    name="nightly-etl",
    runtime="udf",
    region="cn-hangzhou",
    settings=(Setting(key="odps.session.networklink", value="testLink"),),
    targets=(
        Target(name="metastore", host="emr-header-1", port=9083, service="hive-metastore", via="vpc", group="hadoop"),
        Target(name="namenode", host="emr-header-1", port=8020, service="hdfs-namenode", via="vpc", group="hadoop"),
        *(
            Target(name=f"datanode{n}", host=f"10.10.2.4{n}", port=50010, service="hdfs-datanode", via="vpc")
            for n in (1, 2, 3)
        ),
        Target(name="oss", host="etl-raw.oss-cn-hangzhou.aliyuncs.com", port=443, service="https", via="internet"),
    ),
    networks=(Network(name="vswitch-a", cidr="10.10.1.0/24", enis=("10.10.1.10", "10.10.1.11"), ports=(9083, 8020)),),
)


def nightly() -> Report:
    """The design's example: one of six targets is behind a security group that drops."""
    dropped = seen(
        "tcp",
        "connect",
        "metastore",
        "10.10.2.30:9083",
        after=0.05,
        duration_s=3.0,
        failure=Failure.TIMED_OUT,
        ip="10.10.2.30",
        port=9083,
        source="10.10.1.10",
        syns=3,
    )
    trace = seen("path", "trace", "metastore", "10.10.2.30:9083", after=3.0, last_hop="10.10.1.1")
    namenode = connected("namenode", "10.10.2.30", 8020)
    names = [
        seen(
            "dns",
            "query",
            None,
            f"{server}:53",
            name="emr-header-1",
            server=server,
            type="A",
            rcode="NOERROR",
            addresses="10.10.2.30",
        )
        for server in ("10.10.1.2", "10.10.1.3")
    ]
    others = [
        seen(
            "service",
            "exchange",
            "namenode",
            "10.10.2.30:8020",
            service="hdfs-namenode",
            spoke="hdfs-namenode",
            bytes_in=70,
        ),
        *(connected(f"datanode{n}", f"10.10.2.4{n}", 50010, rtt_s=0.0002 + n / 10000) for n in (1, 2, 3)),
        *(
            seen(
                "service",
                "exchange",
                f"datanode{n}",
                f"10.10.2.4{n}:50010",
                service="hdfs-datanode",
                answers=False,
                bytes_in=0,
            )
            for n in (1, 2, 3)
        ),
        connected("oss", "203.0.113.80", 443, rtt_s=0.012),
        seen(
            "tls",
            "handshake",
            "oss",
            "203.0.113.80:443",
            duration_s=0.02,
            version="TLSv1.3",
            days_left=61,
            subject="CN=oss",
        ),
        seen(
            "http", "exchange", "oss", "203.0.113.80:443", duration_s=0.03, status=403, first_byte_s=0.03, bytes_in=412
        ),
    ]
    finding = Finding(
        id="f-sg",
        cause="sg_drop",
        layer="filter",
        severity="critical",
        confidence=0.78,
        targets=("metastore",),
        summary="the destination's security group drops this source silently",
        because=(
            "3 SYNs to 10.10.2.30:9083 in 3.0 s, no answer of any kind",
            "10.10.2.30:8020, the same host, answers in 0.4 ms: host, route and ENI are fine",
            "the trace passes 10.10.1.1 and ends behind it",
        ),
        evidence=(dropped.id, namenode.id, trace.id),
        candidates=(
            Candidate(cause="host_firewall_drop", confidence=0.15, decided_by="a check from a host in vswitch-a"),
            Candidate(cause="ip_whitelist_mismatch", confidence=0.07, decided_by="a check from a host in vswitch-a"),
        ),
        remedy=Remedy(
            text="in the security group of emr-header-1 allow inbound TCP 9083 from 10.10.1.0/24, the vSwitch and not"
            " the ENI addresses, which may change",
            snippet="protocol TCP, port 9083/9083, source 10.10.1.0/24, policy accept, direction ingress",
            reference="MaxCompute, network connection process: access over a VPC, step 4",
            owner="network",
            checks=("whether the network link was made with a basic security group (network connection page, step 2)",),
        ),
        surer="check once more from a host in the destination's own security group",
    )
    results = [
        TargetResult(name="metastore", address="emr-header-1:9083", verdict=FAILING, findings=("f-sg",)),
        TargetResult(name="namenode", address="emr-header-1:8020", verdict=HEALTHY, latency_s=0.0004),
        *(
            TargetResult(
                name=f"datanode{n}", address=f"10.10.2.4{n}:50010", verdict=HEALTHY, latency_s=0.0002 + n / 10000
            )
            for n in (1, 2, 3)
        ),
        TargetResult(name="oss", address="etl-raw.oss-cn-hangzhou.aliyuncs.com:443", verdict=HEALTHY, latency_s=0.012),
    ]
    cleared = (
        Cleared(
            targets=("metastore",),
            causes=("host_down", "blackhole_route", "eni_missing"),
            because="10.10.2.30:8020 answers",
            evidence=(namenode.id,),
        ),
        Cleared(
            targets=("metastore",),
            causes=("dns_stale_answer",),
            because="both name servers give 10.10.2.30",
            evidence=tuple(one.id for one in names),
        ),
    )
    return report_of(
        NIGHTLY_PLAN,
        UDF,
        results,
        [*names, dropped, trace, namenode, *others],
        findings=(finding,),
        cleared=cleared,
        verdict=FAILING,
    )


def healthy() -> Report:
    """The same plan with nothing wrong: no finding above info."""
    broken = nightly()
    kept = [one for one in broken.observations if one.target != "metastore"]
    fine = [
        connected("metastore", "10.10.2.30", 9083),
        seen("service", "exchange", "metastore", "10.10.2.30:9083", service="hive-metastore", bytes_in=34),
    ]
    approval = Finding(
        id="f-info",
        cause="approval_needed",
        layer="config",
        severity="info",
        confidence=1.0,
        targets=("oss",),
        summary="the address does not verify by itself: it needs an application",
    )
    results = [
        evolve(result, verdict=HEALTHY, latency_s=result.latency_s or 0.0004, findings=()) for result in broken.targets
    ]
    return evolve(
        broken, verdict=HEALTHY, targets=tuple(results), findings=(approval,), cleared=(), observations=(*kept, *fine)
    )


def no_eni(size: int = 60) -> Report:
    """Many targets in a VPC and no ENI: one finding, not ``size``; two warnings beside it."""
    names = [f"worker-{n:04}" for n in range(1, size + 1)]
    hosts = {name: f"10.20.{index // 250}.{index % 250 + 1}" for index, name in enumerate(names)}
    public = Target(name="https://restapi.amap.com/v3", host="restapi.amap.com", port=443, service="https", path="/v3")
    plan = Plan(
        name="wide-job",
        runtime="spark",
        region="cn-shanghai",
        settings=(Setting(key="spark.hadoop.odps.cupid.eni.enable", value="false", source="spark-defaults.conf:7"),),
        targets=(*(Target(name=name, host=hosts[name], port=16020, service="hbase") for name in names), public),
        networks=(Network(name="vswitch-b", cidr="10.20.0.0/16"),),
        limits=Limits(connect_timeout=1.0),
    )
    dropped = [
        seen(
            "tcp",
            "connect",
            name,
            f"{ip}:16020",
            after=0.001 * index,
            duration_s=1.0,
            failure=Failure.TIMED_OUT,
            ip=ip,
            port=16020,
            source="172.16.5.4",
            syns=1,
        )
        for index, (name, ip) in enumerate(hosts.items())
    ]
    missing = Finding(
        id="f-eni",
        cause="eni_missing",
        layer="eni",
        severity="critical",
        confidence=0.93,
        targets=tuple(names),
        summary="there is no ENI in the VPC: VPC traffic takes the way of the Internet and dies there",
        because=(
            f"no address of this machine (172.16.5.4) is in 10.20.0.0/16, and all {size} targets there are silent",
            "the traffic leaves by eth0, the way that restapi.amap.com:443 takes too, which answers in 9.0 ms",
        ),
        evidence=tuple(one.id for one in dropped[:20]),
        candidates=(Candidate(cause="eni_group_blocks_outbound", confidence=0.07),),
        remedy=Remedy(
            text="give the job the network link, so that an ENI in 10.20.0.0/16 carries its traffic",
            snippet="spark.hadoop.odps.cupid.eni.enable = true\n"
            "spark.hadoop.odps.cupid.eni.info = cn-shanghai:vpc-uf6m4h1s8k2p0t5x9w3y7",
            reference="MaxCompute, network connection process: access over a VPC",
            owner="job author",
            checks=("whether project, VPC and destination are under one account (network connection page, note)",),
        ),
    )
    slow = Finding(
        id="f-slow",
        cause="dns_first_server_dead",
        layer="dns",
        severity="warning",
        confidence=0.9,
        targets=(public.name,),
        because=("100.100.2.136:53 did not answer 2 queries within 2.0 s; 100.100.2.138:53 did in 1.1 ms",),
        remedy=Remedy(text="take 100.100.2.136 out of the configuration or bring it back: every look-up waits for it"),
    )
    tight = Finding(
        id="f-fd",
        cause="local_resources",
        layer="local",
        severity="warning",
        confidence=1.0,
        because=("EMFILE after 121 descriptors, the limit is 128",),
        remedy=Remedy(text="raise the limit (`ulimit -n`)", snippet="ulimit -n 4096", owner="job author"),
    )
    results = [
        TargetResult(name=name, address=f"{hosts[name]}:16020", verdict=FAILING, findings=("f-eni",)) for name in names
    ]
    results.append(
        TargetResult(
            name=public.name, address="restapi.amap.com:443", verdict=DEGRADED, latency_s=0.009, findings=("f-slow",)
        )
    )
    vantage = Vantage(
        kind="spark-executor", host="worker-17", addresses=("172.16.5.4/20%eth0",), name_servers=("100.100.2.136",)
    )
    return report_of(
        plan,
        vantage,
        results,
        [*dropped, connected(public.name, "203.0.113.9", 443, rtt_s=0.009, source="172.16.5.4")],
        findings=(missing, slow, tight),
        verdict=FAILING,
    )


def scattered(size: int = 300) -> Report:
    """A third open, a third refused (a finding each), a third not reached before the run was interrupted."""
    names = [f"10.30.{n // 250}.{n % 250 + 1}:7000" for n in range(size)]
    verdicts = [(HEALTHY, FAILING, UNDETERMINED)[n % 3] for n in range(size)]
    plan = Plan(name="sweep", targets=tuple(Target(name=name, host=name.split(":")[0], port=7000) for name in names))
    observations, findings, results = [], [], []
    for name, verdict in zip(names, verdicts, strict=True):
        ip = name.split(":")[0]
        if verdict == HEALTHY:
            observations.append(connected(name, ip, 7000, source="10.30.255.9"))
            results.append(TargetResult(name=name, address=name, verdict=verdict, latency_s=0.0004))
        elif verdict == FAILING:
            refused = seen("tcp", "connect", name, name, failure=Failure.CONNECTION_REFUSED, ip=ip, port=7000)
            observations.append(refused)
            findings.append(
                Finding(
                    id=f"f-{ip}",
                    cause="service_not_listening",
                    layer="service",
                    severity="critical",
                    confidence=0.97,
                    targets=(name,),
                    because=(f"{ip} answers the SYN with a reset in 0.4 ms",),
                    evidence=(refused.id,),
                    remedy=Remedy(text=f"start the service on {ip}, or correct the port 7000", owner="DBA"),
                )
            )
            results.append(TargetResult(name=name, address=name, verdict=verdict, findings=(f"f-{ip}",)))
        else:
            results.append(TargetResult(name=name, address=name, verdict=verdict))
    vantage = Vantage(kind="host", host="jump-1", addresses=("10.30.255.9/16%eth0",))
    return report_of(plan, vantage, results, observations, findings=tuple(findings), verdict=FAILING, partial=True)


def hostile() -> Report:
    """Text from the network, the plan and the machine that would like to be more than data."""
    name = "[link=http://evil]db\x1b[31m\u202e"
    target = Target(name=name, host="db.example", port=3306, service="mysql")
    plan = Plan(name="p\x1b[2J[red]", targets=(target,), settings=(Setting(key="k\n", value=HOSTILE),))
    answer = seen(
        "service", "exchange", name, "192.0.2.7:3306", failure=Failure.CLIENT_DENIED, message=HOSTILE, code=1130
    )
    finding = Finding(
        id="f-host",
        cause="mysql_host_denied",
        layer="service",
        severity="critical",
        confidence=1.0,
        targets=(name,),
        summary=HOSTILE,
        because=(HOSTILE,),
        evidence=(answer.id,),
        candidates=(Candidate(cause="client_denied", confidence=0.01, decided_by=HOSTILE),),
        remedy=Remedy(
            text=HOSTILE, snippet="CREATE USER x;\n" + HOSTILE, reference=HOSTILE, owner="DBA", checks=(HOSTILE,)
        ),
        surer=HOSTILE,
    )
    return report_of(
        plan,
        Vantage(kind="host", host="h\x1b]52;c;AAAA\x07"),
        [TargetResult(name=name, address="db.example:3306", verdict=FAILING, findings=("f-host",))],
        [answer],
        findings=(finding,),
        cleared=(Cleared(targets=(name,), causes=("dns_nxdomain",), because=HOSTILE),),
        verdict=FAILING,
    )


ALL = {
    "nightly": nightly,
    "healthy": healthy,
    "no_eni": no_eni,
    "scattered": scattered,
    "hostile": hostile,
}
