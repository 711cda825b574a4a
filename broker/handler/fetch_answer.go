package handler

import (
	"encoding/binary"
	"errors"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

// Versions of Fetch at which fields came.
const (
	fetchErrorCode        = 7
	fetchStartOffset      = 5
	fetchReadReplica      = 11
	fetchFlexible         = 12
	fetchLeaders          = 16 // who leads instead, and where (KIP-951)
	noReadReplica         = -1
	unknownOffset         = -1
	noThrottle            = 0
	noTags           byte = 0
)

// Tags of Fetch responses.
const (
	tagDivergingEpoch = 0 // of a partition
	tagCurrentLeader  = 1 // of a partition
	tagNodeEndpoints  = 0 // of the response
)

// fetchAnswer is a Fetch response that splices the record bytes instead of copying them, or has the system send them from their file.
type fetchAnswer struct {
	h         *Handler
	version   int16
	err       int16
	isolation replica.Isolation
	session   int32
	asks      []fetchAsk
	got       []replica.Fetched // of the asks
	answered  []int             // places in asks that are answered; nil for all
	// leaders are those of partitions that another node leads, by their place in asks.
	leaders map[int]metadata.Partition
	nodes   []nodeEndpoint
}

// nodeEndpoint is where a broker is reached.
type nodeEndpoint struct {
	id   int32
	host string
	port int32
}

// findLeaders tells clients that went to the wrong broker who leads and where that is; followers know where.
func (a *fetchAnswer) findLeaders(conn *wire.Conn, follower bool) {
	for n := range a.count() {
		i := a.at(n)
		if err := a.got[i].Err; !errors.Is(err, replica.ErrNotLeader) && !errors.Is(err, replica.ErrFencedLeaderEpoch) {
			continue
		}
		img, key := a.h.Quorum.Image(), &a.asks[i].fetchKey
		t := img.TopicByID(key.id)
		if a.version < fetchTopicIDs {
			t = img.Topic(key.name)
		}
		if t == nil || key.index < 0 || int(key.index) >= len(t.Partitions) {
			continue
		}
		if a.leaders == nil {
			a.leaders = make(map[int]metadata.Partition)
		}
		a.leaders[i] = t.Partitions[key.index]
		if !follower {
			a.nodes = a.h.addNode(a.nodes, conn, img, t.Partitions[key.index].Leader)
		}
	}
}

// addNode adds a broker's endpoint, once.
func (h *Handler) addNode(nodes []nodeEndpoint, conn *wire.Conn, img *metadata.Image, id int32) []nodeEndpoint {
	for i := range nodes {
		if nodes[i].id == id {
			return nodes
		}
	}
	b := img.Broker(id)
	if b == nil {
		return nodes
	}
	host, port := h.brokerAddress(conn, b)
	return append(nodes, nodeEndpoint{id, host, port})
}

// count is how many partitions are answered, at gives their places in asks.
func (a *fetchAnswer) count() int {
	if a.answered != nil {
		return len(a.answered)
	}
	return len(a.got)
}

func (a *fetchAnswer) at(n int) int {
	if a.answered != nil {
		return a.answered[n]
	}
	return n
}

// run is how many answers from the n-th on are of one topic.
func (a *fetchAnswer) run(n int) int {
	first := &a.asks[a.at(n)]
	end := n + 1
	for ; end < a.count(); end++ {
		if next := &a.asks[a.at(end)]; next.id != first.id || next.name != first.name {
			break
		}
	}
	return end - n
}

// EncodeTo writes the response body, as kmsg.FetchResponse would.
func (a *fetchAnswer) EncodeTo(f *wire.Frame) {
	flexible := a.version >= fetchFlexible
	b := binary.BigEndian.AppendUint32(f.Bytes, noThrottle)
	if a.version >= fetchErrorCode {
		b = binary.BigEndian.AppendUint16(b, uint16(a.err))
		b = binary.BigEndian.AppendUint32(b, uint32(a.session))
	}
	topics := 0
	for n := 0; n < a.count(); n += a.run(n) {
		topics++
	}
	b = appendLen(b, topics, flexible)
	for n := 0; n < a.count(); {
		ask, end := &a.asks[a.at(n)], n+a.run(n)
		if a.version >= fetchTopicIDs {
			b = append(b, ask.id[:]...)
		} else {
			b = appendName(b, ask.name, flexible)
		}
		b = appendLen(b, end-n, flexible)
		for ; n < end; n++ {
			f.Bytes = b
			a.encodePartition(f, a.at(n), flexible)
			b = f.Bytes
		}
		if flexible {
			b = append(b, noTags)
		}
	}
	if flexible {
		b = appendNodes(b, a.nodes)
	}
	f.Bytes = b
}

func (a *fetchAnswer) encodePartition(f *wire.Frame, i int, flexible bool) {
	got := &a.got[i]
	b := binary.BigEndian.AppendUint32(f.Bytes, uint32(a.asks[i].index))
	b = binary.BigEndian.AppendUint16(b, uint16(a.h.code(got.Err)))
	bounds := got.Bounds
	if got.Err != nil {
		bounds = replica.Bounds{Start: unknownOffset, LastStable: unknownOffset, HighWatermark: unknownOffset}
	}
	b = binary.BigEndian.AppendUint64(b, uint64(bounds.HighWatermark))
	b = binary.BigEndian.AppendUint64(b, uint64(bounds.LastStable))
	if a.version >= fetchStartOffset {
		b = binary.BigEndian.AppendUint64(b, uint64(bounds.Start))
	}
	b = a.appendAborted(b, got, flexible)
	if a.version >= fetchReadReplica {
		replicaID := int32(noReadReplica)
		b = binary.BigEndian.AppendUint32(b, uint32(replicaID))
	}
	f.Bytes = appendLen(b, got.Span.Len(), flexible)
	if got.Span.Len() > 0 {
		if got.Span.File != nil {
			f.SpliceFile(got.Span.File, got.Span.Pos, got.Span.Len())
		} else {
			f.Splice(got.Span.Bytes)
		}
		f.Hold(got.Span.Weight() - len(got.Span.Bytes))
		f.OnSent(got.Span.Release)
	}
	if flexible {
		f.Bytes = a.appendTags(f.Bytes, i)
	}
}

// appendTags writes a partition's tagged fields.
func (a *fetchAnswer) appendTags(b []byte, i int) []byte {
	leader, elsewhere := a.leaders[i]
	diverging := a.got[i].Diverging
	if !elsewhere && diverging == nil {
		return append(b, noTags)
	}
	count := byte(0)
	at := len(b)
	b = append(b, count)
	if diverging != nil {
		count++
		b = append(b, tagDivergingEpoch, 4+8+1)
		b = binary.BigEndian.AppendUint32(b, uint32(diverging.Epoch))
		b = binary.BigEndian.AppendUint64(b, uint64(diverging.EndOffset))
		b = append(b, noTags)
	}
	if elsewhere {
		count++
		b = append(b, tagCurrentLeader, 4+4+1)
		b = binary.BigEndian.AppendUint32(b, uint32(leader.Leader))
		b = binary.BigEndian.AppendUint32(b, uint32(leader.LeaderEpoch))
		b = append(b, noTags)
	}
	b[at] = count
	return b
}

// appendNodes writes a response's tagged fields: the endpoints of brokers, if there are any.
func appendNodes(b []byte, nodes []nodeEndpoint) []byte {
	if len(nodes) == 0 {
		return append(b, noTags)
	}
	body := appendLen(nil, len(nodes), true)
	for i := range nodes {
		n := &nodes[i]
		body = binary.BigEndian.AppendUint32(body, uint32(n.id))
		body = appendName(body, n.host, true)
		body = binary.BigEndian.AppendUint32(body, uint32(n.port))
		body = append(body, 0, noTags) // no rack
	}
	b = append(b, 1, tagNodeEndpoints)
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

// appendAborted writes the aborted transactions: null for a reader that didn't ask, as Kafka does.
func (a *fetchAnswer) appendAborted(b []byte, got *replica.Fetched, flexible bool) []byte {
	if a.isolation != replica.ReadCommitted || got.Err != nil {
		return appendLen(b, -1, flexible)
	}
	b = appendLen(b, len(got.Aborted), flexible)
	for _, t := range got.Aborted {
		b = binary.BigEndian.AppendUint64(b, uint64(t.ProducerID))
		b = binary.BigEndian.AppendUint64(b, uint64(t.FirstOffset))
		if flexible {
			b = append(b, noTags)
		}
	}
	return b
}

// appendLen writes the length of an array or of bytes, -1 for null: plain, or plus one as a varint (KIP-482).
func appendLen(b []byte, n int, flexible bool) []byte {
	if flexible {
		return binary.AppendUvarint(b, uint64(n+1))
	}
	return binary.BigEndian.AppendUint32(b, uint32(int32(n)))
}

func appendName(b []byte, s string, flexible bool) []byte {
	if flexible {
		b = binary.AppendUvarint(b, uint64(len(s)+1))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	}
	return append(b, s...)
}
