"""The contract of an engine (tests/contract/engine_test.cpp), against a real dockerd on a host of the lab."""

import os

from lab import IMAGE, Host


def test_real_docker_keeps_the_contract_of_an_engine():
    with Host() as host:
        host.install(os.path.join(os.environ["BAYPLAN_BINARIES"], "contract_tests"))
        host.engine.start()
        done = host.run("env", "BAYPLAN_CONTRACT_DOCKER=/run/docker.sock", f"BAYPLAN_CONTRACT_IMAGE={IMAGE}",
                        "contract_tests", "--gtest_filter=Engines/EngineContract.*/docker", check=False, timeout=300)
        assert done.returncode == 0, done.stdout
        assert "[  PASSED  ]" in done.stdout and "PASSED  ] 0 tests" not in done.stdout, done.stdout
