package datagen

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"testing"
)

// TestGolden compares whole runs with the hashes of the reference generator: one line "[kind,{…}]" an event.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		events int64
		sum    string
	}{
		{1_000, "0f3b8834ce19a87e9a471206fa30e664f2d317a2fb5fcee9d0ea6c5ea6fc81e9"},
		{200_000, "5aecabcefb592ceaa23071f0f332e7b88a6cf6e13acce0f002020e244a3d93bc"},
	} {
		g := NewNexmark(DefaultRate, BaseTimeMS)
		h := sha256.New()
		var line []byte
		for id := range c.events {
			event, kind := g.AppendJSON(nil, id)
			line = append(append(line[:0], '['), strconv.Itoa(kind)...)
			line = append(append(append(line, ','), event...), "]\n"...)
			h.Write(line)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != c.sum {
			t.Errorf("%d events: sum %s, the reference's is %s", c.events, got, c.sum)
		}
	}
}

// TestBidID walks the bids and finds only bids, without a gap.
func TestBidID(t *testing.T) {
	n := int64(0)
	for id := range int64(1_000) {
		if KindOf(id) != Bid {
			continue
		}
		if BidID(n) != id {
			t.Fatalf("bid %d is event %d, not %d", n, BidID(n), id)
		}
		n++
	}
}

func BenchmarkBid(b *testing.B) {
	g := NewNexmark(DefaultRate, BaseTimeMS)
	var buf []byte
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		buf, _ = g.AppendJSON(buf[:0], BidID(n))
		n++
	}
}
