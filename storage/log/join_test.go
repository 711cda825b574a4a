package log

import (
	"bytes"
	"errors"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func joinedAppend(l *Log, b record.Batch) error {
	group := []Entry{{Batch: b, Origin: FromClient, RequireJoin: true}}
	if err := l.Append(group, 0, testNow); err != nil {
		return err
	}
	return group[0].Err
}

func endTransaction(t *testing.T, l *Log, id int64, epoch int16, bumped bool) error {
	t.Helper()
	marker := record.AppendMarker(nil, id, epoch, testNow.UnixMilli(), record.Marker{Commit: true, CoordinatorEpoch: 1})
	group := []Entry{{Batch: marker, Origin: FromCoordinator, EpochBumped: bumped}}
	if err := l.Append(group, 0, testNow); err != nil {
		t.Fatal(err)
	}
	return group[0].Err
}

func TestJoins(t *testing.T) {
	now := testNow.UnixMilli()
	first := func(sequence int32) JoinRequest { return JoinRequest{ProducerID: 7, Sequence: sequence} }
	grant := func(t *testing.T, l *Log, r JoinRequest) {
		t.Helper()
		ticket, joined := l.BeginJoin(r, now)
		if joined || !l.EndJoin(r.ProducerID, ticket, true) {
			t.Fatal("not granted")
		}
	}
	want := func(t *testing.T, l *Log, epoch int16, sequence int32, want error) {
		t.Helper()
		if err := joinedAppend(l, producerBatchOf(t, 7, epoch, sequence, 1, true)); !errors.Is(err, want) {
			t.Fatalf("epoch %d, sequence %d: %v, want %v", epoch, sequence, err, want)
		}
	}
	cases := map[string]func(t *testing.T, l *Log){
		"a transaction opens with a join, and goes on without": func(t *testing.T, l *Log) {
			want(t, l, 0, 0, ErrInvalidTxnState)
			grant(t, l, first(0))
			want(t, l, 0, 0, nil)
			want(t, l, 0, 1, nil)
			if _, joined := l.BeginJoin(first(2), now); !joined {
				t.Fatal("an open transaction needs no join")
			}
		},
		"a join is used up by its transaction": func(t *testing.T, l *Log) {
			grant(t, l, first(0))
			want(t, l, 0, 0, nil)
			if err := endTransaction(t, l, 7, 0, false); err != nil {
				t.Fatal(err)
			}
			want(t, l, 0, 1, ErrInvalidTxnState)
		},
		"an answer that comes after a marker is worth nothing": func(t *testing.T, l *Log) {
			ticket, _ := l.BeginJoin(first(0), now)
			if err := endTransaction(t, l, 7, 0, false); err != nil {
				t.Fatal(err)
			}
			if l.EndJoin(7, ticket, true) {
				t.Fatal("granted")
			}
			again, _ := l.BeginJoin(first(0), now)
			if again == ticket || l.EndJoin(7, ticket, true) {
				t.Fatal("an old ticket is taken for a new one")
			}
		},
		"batches of one write see each other": func(t *testing.T, l *Log) {
			grant(t, l, first(0))
			marker := record.AppendMarker(nil, 7, 0, now, record.Marker{Commit: true, CoordinatorEpoch: 1})
			group := []Entry{
				{Batch: producerBatchOf(t, 7, 0, 0, 1, true), RequireJoin: true},
				{Batch: producerBatchOf(t, 7, 0, 1, 1, true), RequireJoin: true},
				{Batch: marker, Origin: FromCoordinator},
				{Batch: producerBatchOf(t, 7, 0, 2, 1, true), RequireJoin: true},
			}
			if err := l.Append(group, 0, testNow); err != nil {
				t.Fatal(err)
			}
			for i, e := range group {
				if got := errors.Is(e.Err, ErrInvalidTxnState); got != (i == 3) || (i < 3 && e.Err != nil) {
					t.Fatalf("batch %d: %v", i, e.Err)
				}
			}
		},
		"the smallest sequence seen comes first": func(t *testing.T, l *Log) {
			l.BeginJoin(first(5), now)
			grant(t, l, first(3))
			want(t, l, 0, 5, ErrOutOfOrderSequence)
			want(t, l, 0, 3, nil)
		},
		"a strict producer begins with 0": func(t *testing.T, l *Log) {
			r := first(2)
			r.Strict = true
			grant(t, l, r)
			want(t, l, 0, 2, ErrOutOfOrderSequence)
		},
		"a retry of what is there needs no join": func(t *testing.T, l *Log) {
			grant(t, l, first(0))
			b := producerBatchOf(t, 7, 0, 0, 1, true)
			again := bytes.Clone(b)
			if err := joinedAppend(l, b); err != nil {
				t.Fatal(err)
			}
			if err := endTransaction(t, l, 7, 0, false); err != nil {
				t.Fatal(err)
			}
			if err := joinedAppend(l, again); err != nil {
				t.Fatal(err)
			}
		},
		"the marker of the transaction before may come late": func(t *testing.T, l *Log) {
			grant(t, l, first(0))
			want(t, l, 0, 0, nil)
			next := JoinRequest{ProducerID: 7, ProducerEpoch: 1}
			ticket, joined := l.BeginJoin(next, now)
			if err := endTransaction(t, l, 7, 1, true); err != nil {
				t.Fatal(err)
			}
			if joined || !l.EndJoin(7, ticket, true) {
				t.Fatal("the join of the next transaction is void")
			}
			want(t, l, 1, 0, nil)
		},
		"another epoch's join": func(t *testing.T, l *Log) {
			grant(t, l, first(0))
			want(t, l, 1, 0, ErrInvalidTxnState)
		},
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) { run(t, openTest(t, vfs.NewMem(), nil)) })
	}
}

func TestMarkersOfBumpedEpochs(t *testing.T) {
	l := openTest(t, vfs.NewMem(), nil)
	appendOne(t, l, producerBatchOf(t, 7, 4, 0, 1, true))
	for _, step := range []struct {
		name   string
		epoch  int16
		bumped bool
		want   error
	}{
		{"late: of the transaction before", 4, true, ErrProducerFenced},
		{"the transaction's own", 5, true, nil},
		{"the same again", 5, true, nil},
		{"older", 4, false, ErrProducerFenced},
	} {
		if err := endTransaction(t, l, 7, step.epoch, step.bumped); !errors.Is(err, step.want) {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	if stable := l.LastStableOffset(l.EndOffset()); stable != l.EndOffset() {
		t.Fatalf("last stable %d, end %d", stable, l.EndOffset())
	}
}
