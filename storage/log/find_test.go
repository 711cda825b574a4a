package log

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// TestFindTime compares look-ups by time with a walk over everything.
func TestFindTime(t *testing.T) {
	seed := rand.Uint64()
	if *seedFlag != 0 {
		seed = *seedFlag
	}
	t.Logf("-seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	fs := vfs.NewMem()
	change := func(o *Options) {
		compacted(o)
		o.Config.SegmentBytes = 2000
	}
	l := openTest(t, fs, change)
	now := int64(1000)
	check := func() {
		t.Helper()
		m := &cleanModel{t: t, rng: rng}
		all := m.readCommitted(l)
		for ms := int64(900); ms < now+50; ms += 1 + rng.Int64N(20) {
			want := int64(-1)
			for _, r := range all {
				if r.timestamp >= ms {
					want = r.offset
					break
				}
			}
			found, ok, err := l.OffsetForTime(ms)
			if err != nil || ok != (want >= 0) || ok && found.Offset != want {
				t.Fatalf("time %d: %+v %v %v, want %d", ms, found, ok, err, want)
			}
		}
		want := OffsetTime{-1, -1, 0}
		for _, r := range all {
			if r.timestamp > want.Timestamp {
				want.Offset, want.Timestamp = r.offset, r.timestamp
			}
		}
		if found, ok, err := l.MaxTimestamp(); err != nil || ok != (want.Offset >= 0) || ok && found != want {
			t.Fatalf("largest: %+v %v %v, want %+v", found, ok, err, want)
		}
	}
	check()
	for round := range 60 {
		for range rng.IntN(20) {
			b := record.NewBuilder(record.Compression(rng.IntN(5)))
			for range 1 + rng.IntN(6) {
				now += rng.Int64N(4)
				b.Append(now-rng.Int64N(80), fmt.Append(nil, rng.IntN(40)), make([]byte, rng.IntN(60)), nil)
			}
			batch, err := b.Build(nil)
			if err != nil {
				t.Fatal(err)
			}
			appendOne(t, l, batch)
		}
		switch round % 6 {
		case 2:
			if err := l.DeleteTo(l.StartOffset() + rng.Int64N(l.EndOffset()-l.StartOffset()+1)); err != nil {
				t.Fatal(err)
			}
		case 4:
			roll(t, l)
			cleanNow(t, l, testNow, 0)
		case 5:
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openTest(t, fs, func(o *Options) { change(o); o.Clean = rng.IntN(2) == 0 })
		}
		check()
	}
}
