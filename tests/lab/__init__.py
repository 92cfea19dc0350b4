"""Networks of namespaces with known faults, against which linkdoctor's diagnosis is scored."""
