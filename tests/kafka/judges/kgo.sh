#!/usr/bin/env bash
# franz-go's own integration tests of its client: groups, transactions, producers, regular expressions, metadata, both group protocols.
. "$(dirname "$0")/lib.sh"
set -o pipefail

build() { # FOLDER
  go_module "$1" github.com/twmb/franz-go "$franz_version" && cd "$1" && GOFLAGS=-mod=mod GOTOOLCHAIN=local go test -c -o kgo.test ./pkg/kgo
}
installed "kgo-$franz_version" build || exit 1

# The tests of the package that talk to a broker, share groups left out. TestIssueProduceBrokerTooOld… wants a broker from before 0.11.
tests=TestUnknownGroupOffsetFetchPinned,TestPing,TestIssue1034,TestSCRAMAuth,TestSCRAMAuthBadCredentials,TestIssue325,TestConsumeTopicRetrieval
tests+=,TestConsumeTopicRetrieval_Many,TestConsumeRegex,Test848RegexBrokerResolves,TestIssue337,TestDirectPartitionPurge,TestIssue434
tests+=,TestAddRemovePartitions,TestPauseIssue489,TestPauseIssueOct2023,TestIssue523,TestIssue648,TestIssue810,TestIssue865
tests+=,TestIssueFetchLargerThanBrokerMaxReadBytes,TestPooling,TestGroupSimple,TestHookPollStart,TestLookbackMilli
tests+=,TestConsumeMaxDecompressBatchBytes,TestGroupETL,TestTxnEtl,TestClient_Produce,TestClient_ProduceLargeMessages,TestIssue769,TestIssue831
may_skip='^TestSCRAMAuth' # without KGO_TEST_SCRAM and KGO_TEST_SCRAM_SEEDS
[ -z "${KGO_TEST_SCRAM_SEEDS:-}" ] || may_skip=

records=20000
[ "$FULL" != 1 ] || records=500000
cd "$CLIENTS_CACHE/kgo-$franz_version/pkg/kgo" &&
  KGO_SEEDS=$KAFKA KGO_TEST_RF=1 KGO_TEST_RECORDS=${KGO_TEST_RECORDS:-$records} KGO_LOG_LEVEL=none timeout -k 5 1200 \
    "$CLIENTS_CACHE/kgo-$franz_version/kgo.test" -test.v -test.timeout 1180s -test.run "^(${tests//,/|})\$" 2>&1 | tee "$WORK/kgo.out" | go_steps
