// Package datagen is made-up records for demos and benchmarks: Nexmark's auction site, deterministic.
//
// Event ids count 0, 1, 2 …; of every 50, one is a person, three are auctions, 46 are bids, in that order. An event depends on its
// id alone. Source: the Nexmark generator's rules (Apache Beam, Flink), with our own documented random numbers.
package datagen

import (
	"math/bits"
	"strconv"
)

// The kinds of events.
const (
	Person  = 0
	Auction = 1
	Bid     = 2
)

const (
	personsPerEpoch  = 1
	auctionsPerEpoch = 3
	eventsPerEpoch   = 50
	firstID          = 1000 // of persons and auctions
	firstCategory    = 10
	categories       = 5
	activePeople     = 1000
	inFlightAuctions = 100
	idLead           = 10  // ids not made yet may be referred to
	hotSpan          = 100 // the hot auction, bidder or seller changes every so many
	hotChannelCount  = 4
	channelCount     = 10_000
	urlStreams       = 1 << 40 // ids of the random streams behind URLs
	personBytes      = 200
	auctionBytes     = 500
	bidBytes         = 100
)

// BaseTimeMS is the event time of event 0: 2015-07-15T00:00:00Z.
const BaseTimeMS = 1436918400000

// DefaultRate is events a second of event time.
const DefaultRate = 10_000

// Nexmark makes events. It is safe for concurrent use once made.
type Nexmark struct {
	base     int64
	delayUS  float64 // event time between two events
	hotNames []string
	hotURLs  [][]byte
	channels []channel
}

type channel struct {
	name string
	url  []byte
}

// NewNexmark makes a generator whose event time advances by rate events a second from baseMS on.
func NewNexmark(rate int, baseMS int64) *Nexmark {
	g := &Nexmark{base: baseMS, delayUS: 1e6 / float64(rate), hotNames: []string{"Google", "Facebook", "Baidu", "Apple"}}
	for i := range uint64(hotChannelCount) {
		r := randomOf(urlStreams + i)
		g.hotURLs = append(g.hotURLs, r.appendURL(nil))
	}
	for i := range uint64(channelCount) {
		g.channels = append(g.channels, makeChannel(i))
	}
	return g
}

func makeChannel(i uint64) channel {
	r := randomOf(urlStreams + 16 + i)
	url := r.appendURL(nil)
	if r.intn(10) > 0 {
		id := int64(int32(bits.Reverse32(uint32(i))))
		url = append(url, "&channel_id="...)
		url = strconv.AppendInt(url, max(id, -id), 10)
	}
	return channel{name: "channel-" + strconv.FormatUint(i, 10), url: url}
}

// KindOf tells what event id is.
func KindOf(id int64) int {
	switch o := id % eventsPerEpoch; {
	case o < personsPerEpoch:
		return Person
	case o < personsPerEpoch+auctionsPerEpoch:
		return Auction
	}
	return Bid
}

// BidID is the event id of the n-th bid (0, 1, 2 …).
func BidID(n int64) int64 {
	const bids = eventsPerEpoch - personsPerEpoch - auctionsPerEpoch
	return n/bids*eventsPerEpoch + personsPerEpoch + auctionsPerEpoch + n%bids
}

// TimeMS is the event time of event id.
func (g *Nexmark) TimeMS(id int64) int64 { return g.base + int64(float64(id)*g.delayUS)/1000 }

func lastPerson(id int64) int64 {
	return id/eventsPerEpoch*personsPerEpoch + min(id%eventsPerEpoch, personsPerEpoch-1)
}

func lastAuction(id int64) int64 {
	epoch, o := id/eventsPerEpoch, id%eventsPerEpoch
	switch {
	case o < personsPerEpoch:
		epoch, o = epoch-1, auctionsPerEpoch-1
	case o >= personsPerEpoch+auctionsPerEpoch:
		o = auctionsPerEpoch - 1
	default:
		o -= personsPerEpoch
	}
	return epoch*auctionsPerEpoch + o
}

func nextPerson(id int64, r *random) int64 {
	n := lastPerson(id) + 1
	active := min(n, activePeople)
	return n - active + r.intn(active+idLead)
}

func nextAuction(id int64, r *random) int64 {
	last := lastAuction(id)
	first := max(last-inFlightAuctions, 0)
	return first + r.intn(last-first+1+idLead)
}

// AppendJSON appends event id as a JSON object and gives its kind.
func (g *Nexmark) AppendJSON(dst []byte, id int64) ([]byte, int) {
	r := randomOf(uint64(id))
	switch KindOf(id) {
	case Person:
		return g.appendPerson(dst, id, &r), Person
	case Auction:
		return g.appendAuction(dst, id, &r), Auction
	}
	return g.appendBid(dst, id, &r), Bid
}

func (g *Nexmark) appendPerson(dst []byte, id int64, r *random) []byte {
	first := [...]string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	last := [...]string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities := [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states := [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	name := first[r.intn(int64(len(first)))] + " " + last[r.intn(int64(len(last)))]
	email := r.appendString(nil, 7, ' ')
	email = append(r.appendString(append(email, '@'), 5, ' '), ".com"...)
	var card []byte
	for i := range 4 {
		if i > 0 {
			card = append(card, ' ')
		}
		n := r.intn(10000)
		card = append(card, byte('0'+n/1000), byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
	}
	city, state := cities[r.intn(int64(len(cities)))], states[r.intn(int64(len(states)))]
	dst = strconv.AppendInt(append(dst, `{"id":`...), lastPerson(id)+firstID, 10)
	dst = appendText(dst, `,"name":"`, name)
	dst = appendText(dst, `","emailAddress":"`, string(email))
	dst = appendText(dst, `","creditCard":"`, string(card))
	dst = appendText(dst, `","city":"`, city)
	dst = appendText(dst, `","state":"`, state)
	dst = strconv.AppendInt(append(dst, `","dateTime":`...), g.TimeMS(id), 10)
	dst = append(dst, `,"extra":"`...)
	used := 8 + len(name) + len(email) + len(card) + len(city) + len(state)
	return append(r.appendExtra(dst, int64(used), personBytes), `"}`...)
}

func appendText(dst []byte, label, text string) []byte { return append(append(dst, label...), text...) }

func (g *Nexmark) appendAuction(dst []byte, id int64, r *random) []byte {
	seller := int64(firstID)
	if r.intn(4) > 0 {
		seller += lastPerson(id) / hotSpan * hotSpan
	} else {
		seller += nextPerson(id, r)
	}
	category := firstCategory + r.intn(categories)
	initial := r.price()
	now := g.TimeMS(id)
	horizon := g.TimeMS(id+inFlightAuctions*eventsPerEpoch/auctionsPerEpoch) - now
	expires := now + 1 + r.intn(max(horizon*2, 1))
	item := r.appendString(nil, 20, ' ')
	description := r.appendString(nil, 100, ' ')
	reserve := initial + r.price()
	dst = strconv.AppendInt(append(dst, `{"id":`...), lastAuction(id)+firstID, 10)
	dst = appendText(dst, `,"itemName":"`, string(item))
	dst = appendText(dst, `","description":"`, string(description))
	dst = strconv.AppendInt(append(dst, `","initialBid":`...), initial, 10)
	dst = strconv.AppendInt(append(dst, `,"reserve":`...), reserve, 10)
	dst = strconv.AppendInt(append(dst, `,"dateTime":`...), now, 10)
	dst = strconv.AppendInt(append(dst, `,"expires":`...), expires, 10)
	dst = strconv.AppendInt(append(dst, `,"seller":`...), seller, 10)
	dst = strconv.AppendInt(append(dst, `,"category":`...), category, 10)
	dst = append(dst, `,"extra":"`...)
	return append(r.appendExtra(dst, int64(8+len(item)+len(description)+40), auctionBytes), `"}`...)
}

func (g *Nexmark) appendBid(dst []byte, id int64, r *random) []byte {
	auction, bidder := int64(firstID), int64(firstID)
	if r.intn(2) > 0 {
		auction += lastAuction(id) / hotSpan * hotSpan
	} else {
		auction += nextAuction(id, r)
	}
	if r.intn(4) > 0 {
		bidder += lastPerson(id)/hotSpan*hotSpan + 1
	} else {
		bidder += nextPerson(id, r)
	}
	price := r.price()
	var c channel
	if r.intn(2) > 0 {
		i := r.intn(hotChannelCount)
		c = channel{name: g.hotNames[i], url: g.hotURLs[i]}
	} else {
		c = g.channels[r.intn(channelCount)]
	}
	dst = strconv.AppendInt(append(dst, `{"auction":`...), auction, 10)
	dst = strconv.AppendInt(append(dst, `,"bidder":`...), bidder, 10)
	dst = strconv.AppendInt(append(dst, `,"price":`...), price, 10)
	dst = appendText(dst, `,"channel":"`, c.name)
	dst = append(append(dst, `","url":"`...), c.url...)
	dst = strconv.AppendInt(append(dst, `","dateTime":`...), g.TimeMS(id), 10)
	dst = append(dst, `,"extra":"`...)
	return append(r.appendExtra(dst, 32, bidBytes), `"}`...)
}
