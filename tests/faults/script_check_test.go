package faults

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// check compares the next life, or the one after it, with what was told.
func (s *scripted) check(address string, life int) {
	cl := newClient(s.t, address)
	defer cl.Close()
	ctx := testContext(s.t)
	s.checkPlain(address)
	s.checkLedger(ctx, address)
	s.checkKeyed(address)
	s.checkReborn(address)
	if got := s.positionNow(ctx, cl); got < s.position {
		s.t.Errorf("position %d, %d was committed", got, s.position)
	}
	for _, name := range s.topics {
		if err := makeTopic(ctx, cl, name, nil); !errors.Is(err, kerr.TopicAlreadyExists) {
			s.t.Errorf("topic %s was made before the fault and is gone: %v", name, err)
		}
	}
	s.goOn(ctx, address, life)
	if s.t.Failed() {
		s.t.Logf("in life %d after the fault", life+1)
	}
}

// goOn works in the next life, and what it is told counts again.
func (s *scripted) goOn(ctx context.Context, address string, life int) {
	cl := newClient(s.t, address, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	txn := newClient(s.t, address, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID(scriptTxn))
	defer txn.Close()
	s.mu.Lock()
	s.sealed = false
	s.mu.Unlock()
	round := scriptRounds + life
	err := errors.Join(s.plainRound(ctx, cl, round), s.transaction(ctx, txn, round), s.keyedRound(ctx, cl, round), s.rebirth(ctx, cl))
	if err != nil {
		s.t.Error(err)
	}
	s.checkStable(ctx, cl)
}

// checkStable: no transaction of a life before is left open; the markers of an ended one may take a moment.
func (s *scripted) checkStable(ctx context.Context, cl *kgo.Client) {
	var stable, ends map[int32]int64
	var err error
	for again := true; again; again = !maps.Equal(stable, ends) && pause(ctx) {
		if ends, err = harness.Ends(ctx, cl, "ledger"); err != nil {
			s.t.Error(err)
			return
		}
		if stable, err = harness.StableEnds(ctx, cl, "ledger"); err != nil {
			s.t.Error(err)
			return
		}
	}
	if !maps.Equal(stable, ends) {
		s.t.Errorf("the ledger's partitions end at %v, but are stable up to %v only", ends, stable)
	}
}

// pause waits a moment and tells whether ctx still lasts.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(retryPause):
		return true
	case <-ctx.Done():
		return false
	}
}

// checkReborn: of a topic that was deleted and made again nothing of former lives comes back, and what was acknowledged since is there.
func (s *scripted) checkReborn(address string) {
	cl := newClient(s.t, address)
	defer cl.Close()
	if _, err := harness.StableEnds(testContext(s.t), cl, rebornTopic); errors.Is(err, kerr.UnknownTopicOrPartition) && s.reborn == "" {
		return // deleted, and nobody was told that it was made again
	}
	seen := map[string]bool{}
	for _, r := range readCommitted(s.t, address, rebornTopic) {
		seen[string(r.Value)] = true
		if life, err := strconv.Atoi(string(r.Value)); err != nil || life < s.rebornFrom {
			s.t.Errorf("%s has record %q of a life before %d", rebornTopic, r.Value, s.rebornFrom)
		}
	}
	if len(seen) > 1 || s.reborn != "" && !seen[s.reborn] {
		s.t.Errorf("%s has records %v, acknowledged was %q", rebornTopic, seen, s.reborn)
	}
}

func (s *scripted) positionNow(ctx context.Context, cl *kgo.Client) int64 {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, req.Group = scriptGroup, scriptGroup
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, topic := range resp.Groups[0].Topics {
		for _, p := range topic.Partitions {
			return p.Offset
		}
	}
	return 0
}

// checkPlain: acknowledged records are there, once and in order; what was deleted does not come back.
func (s *scripted) checkPlain(address string) {
	got := map[int32][]string{}
	for _, r := range readCommitted(s.t, address, "plain") {
		if r.Partition == 0 && r.Offset < s.deleted {
			s.t.Errorf("plain-0 has offset %d, deleted below %d", r.Offset, s.deleted)
		}
		got[r.Partition] = append(got[r.Partition], string(r.Value))
	}
	for partition, want := range s.plain {
		have := got[partition]
		ok := s.holds(have, want)
		if partition == 0 {
			// Which of the acknowledged ones were deleted: those of the last answer, or also those of a request without one.
			ok = slices.ContainsFunc([]int64{s.deleted, s.deleting}, func(n int64) bool { return s.holds(have, want[min(n, int64(len(want))):]) })
		}
		if !ok {
			s.t.Errorf("plain-%d: %v, acknowledged were %v, deleted up to %d (%d)", partition, have, want, s.deleted, s.deleting)
		}
	}
}

// holds tells whether have is what was acknowledged, in order. What comes between is what was written without an answer: at the end of a life, or on
// a full disk at any time, when steps are repeated.
func (s *scripted) holds(have, want []string) bool {
	strange := 0
	for _, v := range have {
		if len(want) > 0 && v == want[0] {
			want = want[1:]
		} else {
			strange++
		}
	}
	return len(want) == 0 && (strange <= scriptBatch || s.plan != nil && s.plan.kind.passes())
}

// checkLedger: of committed transactions everything, of aborted ones nothing, of others all or nothing.
func (s *scripted) checkLedger(ctx context.Context, address string) {
	count := s.countLedger(address)
	for s.unseen(count) != "" && pause(ctx) { // markers that the fault overtook are written by the next life, in its own time
		count = s.countLedger(address)
	}
	if id := s.unseen(count); id != "" {
		s.t.Errorf("transaction %s (committed: %t): %d of %d records are seen", id, slices.Contains(s.committed, id), count[id], 2*scriptBatch)
	}
	for _, id := range s.aborted {
		if count[id] != 0 {
			s.t.Errorf("transaction %s was aborted, %d records are seen", id, count[id])
		}
	}
}

// countLedger counts what is seen of each transaction. A partition's marker may come after the other's: half a transaction is fine for a while, a part
// of what is in one partition is not.
func (s *scripted) countLedger(address string) map[string]int {
	count, partitions := map[string]int{}, map[string]map[int32]int{}
	for _, r := range readCommitted(s.t, address, "ledger") {
		id := string(r.Value)
		count[id]++
		if partitions[id] == nil {
			partitions[id] = map[int32]int{}
		}
		partitions[id][r.Partition]++
	}
	for id, p := range partitions {
		for partition, n := range p {
			if n != scriptBatch {
				s.t.Errorf("transaction %s is torn: %d of %d records of ledger-%d are seen", id, n, scriptBatch, partition)
			}
		}
	}
	return count
}

// unseen gives a transaction of which something is missing: a committed one, or any of which a part is seen.
func (s *scripted) unseen(count map[string]int) string {
	for _, id := range s.committed {
		if count[id] != 2*scriptBatch {
			return id
		}
	}
	for id, n := range count {
		if n != 2*scriptBatch {
			return id
		}
	}
	return ""
}

// checkKeyed: the newest value of a key is the acknowledged one or one sent after it.
func (s *scripted) checkKeyed(address string) {
	newest := map[string]string{}
	for _, r := range readCommitted(s.t, address, "keyed") {
		newest[string(r.Key)] = string(r.Value)
	}
	for key, want := range s.keyed {
		if newest[key] < want {
			s.t.Errorf("%s is %q, %q was acknowledged", key, newest[key], want)
		}
	}
}
