package log

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/freshetdb/freshet/storage/vfs"
)

// TestRangesNameWhatReadsGive asks a log of batches of all sizes for ranges everywhere and compares them with what Read gives.
func TestRangesNameWhatReadsGive(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	l := openTest(t, vfs.NewMem(), func(o *Options) { o.Config.SegmentBytes = 700_000; o.TailBytes = 1 })
	largest := []int{20, 500, 5_000, 30_000, 200_000}[rng.IntN(5)]
	for total := 0; total < 2_500_000; {
		values := make([]string, 1+rng.IntN(5))
		for i := range values {
			values[i] = string(make([]byte, rng.IntN(largest)))
		}
		b := batchOf(t, testNow.UnixMilli(), values...)
		appendOne(t, l, b)
		total += len(b)
	}
	files := 0
	for range 500 {
		offset := rng.Int64N(l.EndOffset())
		limit := offset + rng.Int64N(l.EndOffset()-offset+1)
		most, minOne := rng.IntN(1<<(1+rng.IntN(21))), rng.IntN(2) == 0
		if rng.IntN(2) == 0 {
			limit = l.EndOffset()
		}
		want, err := l.Read(offset, most, minOne, limit)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.ReadRange(offset, most, most, minOne, limit)
		if err != nil {
			t.Fatal(err)
		}
		content := contentOf(t, &got)
		// A read of memory may end before the range does, where the tail begins, but never gives anything else.
		if !bytes.HasPrefix(content, want.Bytes) || (len(content) == 0) != (len(want.Bytes) == 0) || len(content) > most && !minOne {
			t.Fatalf("at %d below %d, %d bytes, one at least %v: %d bytes, Read gives %d", offset, limit, most, minOne, len(content), len(want.Bytes))
		}
		if len(content) == len(want.Bytes) && (got.NextOffset < want.NextOffset || got.NextOffset > want.NextOffset+1) {
			t.Fatalf("at %d: next %d, not %d", offset, got.NextOffset, want.NextOffset)
		}
		if got.NextOffset > limit && len(content) > 0 {
			t.Fatalf("at %d: next %d beyond the limit %d", offset, got.NextOffset, limit)
		}
		if got.File != nil {
			files++
			if got.Weight() != 0 {
				t.Fatalf("a range weighs %d", got.Weight())
			}
		}
		want.Release()
		got.Release()
	}
	if files == 0 {
		t.Fatal("no range among 500 reads")
	}
}

// contentOf is what a span holds, wherever.
func contentOf(t *testing.T, s *Span) []byte {
	t.Helper()
	if s.File == nil {
		return s.Bytes
	}
	content := make([]byte, s.Len())
	if n, err := s.File.ReadAt(content, s.Pos); err != nil && (!errors.Is(err, io.EOF) || n < len(content)) {
		t.Fatal(err)
	}
	return content
}

// TestRangeOutlivesItsSegment: what a client is being sent stays readable though retention takes the segment, and the log closes.
func TestRangeOutlivesItsSegment(t *testing.T) {
	t.Chdir(t.TempDir())
	l := openTest(t, vfs.Default(), func(o *Options) { o.Config.SegmentBytes = 200_000; o.TailBytes = 1 })
	var want []byte
	for range 20 {
		b := batchOf(t, testNow.UnixMilli(), string(make([]byte, 30_000)))
		appendOne(t, l, b)
		want = append(want, b...)
	}
	span, err := l.ReadRange(0, 150_000, 0, true, l.EndOffset())
	if err != nil || span.File == nil {
		t.Fatalf("%+v, %v", span, err)
	}
	if err := l.DeleteTo(15); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, &span); len(got) < 100_000 || !bytes.HasPrefix(want, got) {
		t.Fatalf("%d bytes that are others", len(got))
	}
	file := span.File
	span.Release()
	if _, err := file.ReadAt(make([]byte, 1), 0); err == nil {
		t.Fatal("the file is still open")
	}
}
