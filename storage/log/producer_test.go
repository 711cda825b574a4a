package log

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestSequences(t *testing.T) {
	l := openTest(t, vfs.NewMem(), nil)
	steps := []struct {
		name      string
		epoch     int16
		sequence  int32
		n         int
		want      error
		base      int64
		duplicate bool
	}{
		{"an unknown producer may begin anywhere", 0, 1<<31 - 3, 2, nil, 0, false},
		{"the last number", 0, 1<<31 - 1, 1, nil, 2, false},
		{"and round to zero", 0, 0, 1, nil, 3, false},
		{"a gap", 0, 2, 1, ErrOutOfOrderSequence, 0, false},
		{"the same again", 0, 0, 1, nil, 3, true},
		{"an older one again", 0, 1<<31 - 3, 2, nil, 0, true},
		{"part of an older one", 0, 1<<31 - 3, 1, ErrOutOfOrderSequence, 0, false},
		{"a new epoch begins at zero", 1, 5, 1, ErrOutOfOrderSequence, 0, false},
		{"a new epoch", 1, 0, 1, nil, 4, false},
		{"the old epoch", 0, 1, 1, ErrProducerFenced, 0, false},
	}
	for _, s := range steps {
		info, err := tryAppend(l, producerBatchOf(t, 7, s.epoch, s.sequence, s.n, false), FromClient)
		if !errors.Is(err, s.want) || err == nil && (s.want != nil || info.BaseOffset != s.base || info.Duplicate != s.duplicate) {
			t.Fatalf("%s: %+v %v", s.name, info, err)
		}
	}
}

// TestIdempotenceModel sends batches of three producers in order, repeats recent ones at random, groups them and restarts;
// the log must hold each once.
func TestIdempotenceModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := vfs.NewMem()
	open := func() *Log { return openTest(t, fs, func(o *Options) { o.Config.SegmentBytes = 5000 }) }
	l := open()
	type sent struct {
		batch record.Batch
		base  int64
	}
	history := make([][]sent, 3)
	next := make([]int32, 3)
	total := int64(0)
	for range 400 {
		group := make([]Entry, 1+rng.IntN(5))
		want := make([]int64, len(group))
		for i := range group {
			p := rng.IntN(3)
			known := history[p]
			if len(known) > 0 && rng.IntN(3) == 0 {
				s := known[len(known)-1-rng.IntN(min(len(known), producerBatches))]
				group[i].Batch, want[i] = bytes.Clone(s.batch), s.base
				continue
			}
			n := 1 + rng.IntN(3)
			b := producerBatchOf(t, int64(p), 0, next[p], n, false)
			next[p] += int32(n)
			group[i].Batch, want[i] = b, total
			history[p] = append(known, sent{bytes.Clone(b), total})
			total += int64(n)
		}
		if err := l.Append(group, 0, testNow); err != nil {
			t.Fatal(err)
		}
		for i, e := range group {
			if e.Err != nil || e.Info.BaseOffset != want[i] {
				t.Fatalf("%+v %v, want offset %d", e.Info, e.Err, want[i])
			}
		}
		if l.EndOffset() != total {
			t.Fatalf("end %d, want %d", l.EndOffset(), total)
		}
		if rng.IntN(50) == 0 { // kill -9: recovery replays the active segment; closed ones leave one batch a producer
			l = open()
			for p, known := range history {
				if len(known) > 0 {
					history[p] = known[len(known)-1:]
				}
			}
		}
	}
}

func TestProducersExpire(t *testing.T) {
	l := openTest(t, vfs.NewMem(), nil)
	appendOne(t, l, producerBatchOf(t, 1, 0, 0, 1, false))
	appendOne(t, l, producerBatchOf(t, 2, 0, 0, 1, true))
	if _, err := l.Retain(testNow.Add(2*DefaultConfig().ProducerExpiry), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := tryAppend(l, producerBatchOf(t, 1, 0, 99, 1, false), FromClient); err != nil {
		t.Fatalf("a forgotten producer may begin anywhere: %v", err)
	}
	if _, err := tryAppend(l, producerBatchOf(t, 2, 0, 99, 1, true), FromClient); !errors.Is(err, ErrOutOfOrderSequence) {
		t.Fatalf("one with an open transaction is remembered: %v", err)
	}
}

func TestSnapshotRefusesBadBytes(t *testing.T) {
	s := newProducers()
	for i, b := range []record.Batch{producerBatchOf(t, 5, 1, 0, 3, true), producerBatchOf(t, 6, 0, 7, 1, false)} {
		b.SetBaseOffset(int64(10 * i))
		if _, _, err := s.note(b, 99); err != nil {
			t.Fatal(err)
		}
	}
	content := s.encode()
	back, err := parseSnapshot(content)
	if err != nil || len(back.byID) != 2 || back.byID[5] != s.byID[5] || back.byID[6] != s.byID[6] || len(back.open) != 1 {
		t.Fatalf("%+v %v", back, err)
	}
	for i := range content {
		bad := bytes.Clone(content)
		bad[i] ^= 0x40
		if _, err := parseSnapshot(bad); err == nil {
			t.Fatalf("byte %d flipped and nobody noticed", i)
		}
		if _, err := parseSnapshot(content[:i]); err == nil {
			t.Fatalf("cut at %d and nobody noticed", i)
		}
	}
}

// TestFiveBatchesOverRestarts: the last five batches of a producer are recognised after a clean end, a kill, and in another segment.
func TestFiveBatchesOverRestarts(t *testing.T) {
	for _, clean := range []bool{true, false} {
		for _, rolled := range []bool{true, false} {
			fs := vfs.NewMem()
			l := openTest(t, fs, nil)
			for i := range int32(8) {
				appendOne(t, l, producerBatchOf(t, 7, 0, 2*i, 2, false))
				appendOne(t, l, producerBatchOf(t, 8, 0, i, 1, true))
			}
			if rolled {
				roll(t, l)
			}
			if clean {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
			again := openTest(t, fs, func(o *Options) { o.Clean = clean })
			for i := range int32(8) {
				info, err := tryAppend(again, producerBatchOf(t, 7, 0, 2*i, 2, false), FromClient)
				if i < 8-producerBatches {
					if !errors.Is(err, ErrOutOfOrderSequence) {
						t.Fatalf("clean %v, rolled %v: batch %d again: %+v %v", clean, rolled, i, info, err)
					}
					continue
				}
				if err != nil || !info.Duplicate || info.BaseOffset != int64(3*i) {
					t.Fatalf("clean %v, rolled %v: batch %d again: %+v %v", clean, rolled, i, info, err)
				}
			}
			if info := appendOne(t, again, producerBatchOf(t, 8, 0, 8, 1, true)); info.Duplicate {
				t.Fatal(info)
			}
		}
	}
}

// FuzzProducerFiles reads anything as a snapshot and as the file beside it.
func FuzzProducerFiles(f *testing.F) {
	s := newProducers()
	p := newProducer()
	for i := range int32(3) {
		p.note(producerBatchOf(f, 7, 0, i, 1, false), 5)
	}
	s.byID[7] = p
	snapshot := s.encode()
	f.Add(snapshot, s.encodeBatches(snapshot))
	f.Fuzz(func(t *testing.T, snapshot, batches []byte) {
		s, err := parseSnapshot(snapshot)
		if err != nil {
			return
		}
		s.addBatches(batches, snapshot)
		for id, p := range s.byID {
			if p.n < 0 || p.n > producerBatches {
				t.Fatal(id, p.n)
			}
		}
		again := s.encode()
		_ = s.encodeBatches(again)
	})
}
