package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func keyedBatch(t testing.TB, codec record.Compression, keys ...string) record.Batch {
	t.Helper()
	b := record.NewBuilder(codec)
	for _, k := range keys {
		var key []byte
		if k != "" {
			key = []byte(k)
		}
		b.Append(time.Now().UnixMilli(), key, bytes.Repeat([]byte("v"), 200), nil)
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func appended(t testing.TB, p *Partition, b record.Batch, acks Acks) Appended {
	t.Helper()
	answer := make(chan Appended, 1)
	p.Append(b, AppendOptions{Acks: acks, Origin: log.FromClient}, func(a Appended) { answer <- a })
	a := <-answer
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	return a
}

// TestCompactionFollowsItsOptions: a shorter time between two looks counts at once, not after the old one.
func TestCompactionFollowsItsOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, vfs.NewMem())
		n.SetCleaner(CleanerOptions{Interval: 24 * time.Hour})
		p := n.topic("compacted", "cleanup.policy=compact", "segment.bytes=2000", "min.cleanable.dirty.ratio=0.3")
		for i := range 50 {
			appended(t, p, keyedBatch(t, record.None, fmt.Sprint("k", i%3)), AcksAll)
		}
		before, _ := p.SizeBytes()
		time.Sleep(time.Hour) // of the bubble's clock
		if after, _ := p.SizeBytes(); after != before {
			t.Errorf("%d bytes of %d before its time", after, before)
		}
		n.SetCleaner(CleanerOptions{Interval: time.Minute, BytesPerSecond: 1 << 20})
		time.Sleep(2 * time.Minute)
		if after, _ := p.SizeBytes(); after > before/3 {
			t.Errorf("%d bytes of %d after its time", after, before)
		}
	})
}

// TestCompactionRuns: what is dirty enough is compacted by itself, dirtiest first; a topic with delete only never.
func TestCompactionRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, vfs.NewMem())
		compact := n.topic("compacted", "cleanup.policy=compact", "segment.bytes=2000", "min.cleanable.dirty.ratio=0.3")
		plain := n.topic("plain", "segment.bytes=2000")
		lagging := n.topic("lagging", "cleanup.policy=compact,delete", "max.compaction.lag.ms=60000", "min.cleanable.dirty.ratio=1.0")
		for i := range 50 {
			for _, p := range []*Partition{compact, plain, lagging} {
				appended(t, p, keyedBatch(t, record.None, fmt.Sprint("k", i%3)), AcksAll)
			}
		}
		before, _ := plain.SizeBytes()
		time.Sleep(2 * defaultCleanerInterval) // of the bubble's clock
		if after, _ := compact.SizeBytes(); after > before/3 {
			t.Errorf("compacted: %d bytes of %d", after, before)
		}
		if after, _ := plain.SizeBytes(); after != before {
			t.Errorf("plain: %d bytes of %d", after, before)
		}
		if after, _ := lagging.SizeBytes(); after != before {
			t.Errorf("lagging: %d bytes of %d before its time", after, before)
		}
		appended(t, lagging, keyedBatch(t, record.None, "later"), AcksAll)
		time.Sleep(2 * time.Minute)
		if after, _ := lagging.SizeBytes(); after > before/3 {
			t.Errorf("lagging: %d bytes of %d after its time", after, before)
		}
	})
}

func TestCompactedTopicsWantKeys(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	p := n.topic("compacted", "cleanup.policy=compact")
	for c := record.None; c <= record.Zstd; c++ {
		answer := make(chan Appended, 1)
		p.Append(keyedBatch(t, c, "a", "", "b", ""), AppendOptions{Acks: AcksAll, Origin: log.FromClient}, func(a Appended) { answer <- a })
		invalid, ok := errors.AsType[*InvalidRecordsError]((<-answer).Err)
		if !ok || invalid.Count != 2 || fmt.Sprint(invalid.Records) != "[1 3]" || !errors.Is(invalid, record.ErrInvalid) {
			t.Fatalf("%v: %v", c, invalid)
		}
		appended(t, p, keyedBatch(t, c, "a", "b"), AcksAll)
	}
}

func TestCompressionType(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	for _, word := range []string{"uncompressed", "gzip", "snappy", "lz4", "zstd", "producer"} {
		p := n.topic(word, "compression.type="+word)
		for c := record.None; c <= record.Zstd; c++ {
			b := keyedBatch(t, c, "a", "", "b")
			b.SetProducer(5, 0, int32(c)*3, false)
			a := appended(t, p, b, AcksAll)
			r, err := p.Read(a.BaseOffset, 1, true, ReadUncommitted)
			if err != nil {
				t.Fatal(err)
			}
			got := record.Batch(r.Span.Bytes)
			want, convert := record.ParseCompression(word)
			if !convert {
				want = c
			}
			if got.Compression() != want || got.ComputeCRC() != got.CRC() || got.ProducerID() != 5 || got.BaseSequence() != int32(c)*3 {
				t.Fatalf("%s from %v: %v", word, c, got.Compression())
			}
			var columns record.Columns
			if err := record.AppendColumns(got, new(record.Decompressor), &columns); err != nil || columns.Len() != 3 || columns.KeyLen[1] != -1 {
				t.Fatal(err, columns.Len())
			}
			r.Span.Release()
		}
	}
	hostile := keyedBatch(t, record.Gzip, "a")
	hostile[record.HeaderLen+5] ^= 0xff
	hostile.SetCRC()
	p, err := n.Partition("lz4", 0)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan Appended, 1)
	p.Append(append(record.Batch(nil), hostile[:len(hostile)-9]...), AppendOptions{Origin: log.FromClient}, func(a Appended) { answer <- a })
	if a := <-answer; !errors.Is(a.Err, record.ErrCorrupt) && !errors.Is(a.Err, record.ErrInvalid) {
		t.Fatal(a.Err)
	}
}

// TestFlushSooner: topics that sync now and then do so earlier by number of records and by time.
func TestFlushSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, vfs.NewMem())
		often := n.topic("often", "flush.mode=interval", "flush.messages=3")
		soon := n.topic("soon", "flush.mode=interval", "flush.ms=100")
		synced := func(p *Partition) int64 { return p.log.Load().SyncedOffset() }
		for range 2 {
			appended(t, often, batch(t, "x"), AcksLeader)
		}
		appended(t, soon, batch(t, "x"), AcksLeader)
		synctest.Wait()
		if synced(often) != 0 || synced(soon) != 0 {
			t.Fatal(synced(often), synced(soon))
		}
		appended(t, often, batch(t, "x"), AcksLeader)
		synctest.Wait()
		if synced(often) != 3 {
			t.Fatal(synced(often))
		}
		appended(t, soon, batch(t, "x"), AcksLeader)
		time.Sleep(150 * time.Millisecond) // of the bubble's clock
		if synced(soon) != 2 {
			t.Fatal(synced(soon))
		}
	})
}

func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacer{perSecond: 1000, last: time.Now()}
		began := time.Now()
		for range 100 {
			if err := p.wait(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			t.Fatal(took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.wait(ctx, 100_000); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}
