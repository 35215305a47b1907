module acs-operator.dev/tests/testbed/parts/pods

go 1.26.0
