package datagen

import (
	"strconv"

	"github.com/freshetdb/freshet/storage/record"
)

// Bids is Nexmark's bids as a source: record n is the n-th bid, keyed by its auction's id as text.
type Bids struct {
	nexmark *Nexmark
	buf     []byte
	key     []byte
}

// NewBids makes the source; bids a second of event time is rate.
func NewBids(rate int) *Bids {
	const bidsPerEpoch = eventsPerEpoch - personsPerEpoch - auctionsPerEpoch
	return &Bids{nexmark: NewNexmark(max(rate*eventsPerEpoch/bidsPerEpoch, 1), BaseTimeMS)}
}

// Append implements connect.Source.
func (s *Bids) Append(b *record.Builder, n int64) {
	id := BidID(n)
	s.buf, _ = s.nexmark.AppendJSON(s.buf[:0], id)
	s.key = strconv.AppendInt(s.key[:0], auctionOf(s.buf), 10)
	b.Append(s.nexmark.TimeMS(id), s.key, s.buf, nil)
}

// auctionOf reads the auction's id back out of a bid: the digits behind `{"auction":`.
func auctionOf(bid []byte) int64 {
	var n int64
	for _, c := range bid[len(`{"auction":`):] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
