# Thin on purpose: the work is done in scripts/, each of which says at its top
# what it takes and gives.

# make run DEMO=0: without the demo network
DEMO ?= $(or $(OPSC_DEMO),1)

.DEFAULT_GOAL := help
.PHONY: help run test prove build fmt lint clean-state

help: ## what can be done
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

run: ## set everything up and run it, with a demo network (DEMO=0: without)
	@OPSC_DEMO=$(DEMO) scripts/run

test: ## set everything up and run all tests
	@scripts/test

prove: ## the proofs of docs/PROOF.md at full length (an hour)
	@scripts/prove

build: ## build the UI and target/release/opsconductor
	@scripts/build

fmt: ## format the Rust code
	@cargo fmt --all

lint: ## all lints: Rust, UI, scripts
	@scripts/lint

clean-state: ## stop the private database and delete all state (.state)
	@scripts/clean-state
