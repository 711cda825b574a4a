package handler

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

// fetchBytesMax bounds one answer, whatever the client asks for: memory of a node is fetches times this. Clients ask again.
const fetchBytesMax = 16 << 20

// fetch reads partitions, waiting for data as long as the client allows. Fetch sessions (KIP-227) are refused the way a broker without room
// for them does: the session id in the answer is 0, and the client goes on with full requests.
func (h *Handler) fetch(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.FetchRequest)
	if in.SessionID != 0 {
		req.ReplyWith(&fetchAnswer{in: in, err: kerr.FetchSessionIDNotFound.Code})
		return
	}
	want := replica.FetchRequest{
		MinBytes: int(in.MinBytes), MaxBytes: min(int(in.MaxBytes), fetchBytesMax),
		MaxWait: time.Duration(in.MaxWaitMillis) * time.Millisecond, Isolation: replica.Isolation(in.IsolationLevel),
	}
	for i := range in.Topics {
		t := &in.Topics[i]
		for j := range t.Partitions {
			want.Partitions = append(want.Partitions, h.fetchPartition(in.Version, t, &t.Partitions[j]))
		}
	}
	h.Replicas.Fetch(ctx, want, func(got []replica.Fetched) {
		req.ReplyWith(&fetchAnswer{h: h, in: in, got: got})
	})
}

// fetchTopicIDs is the first version that names topics by id.
const fetchTopicIDs = 13

func (h *Handler) fetchPartition(version int16, t *kmsg.FetchRequestTopic, p *kmsg.FetchRequestTopicPartition) replica.FetchPartition {
	out := replica.FetchPartition{Offset: p.FetchOffset, MaxBytes: int(p.PartitionMaxBytes), LeaderEpoch: p.CurrentLeaderEpoch}
	if version >= fetchTopicIDs {
		out.Partition, out.Err = h.Replicas.PartitionByID(t.TopicID, p.Partition)
	} else {
		out.Partition, out.Err = h.Replicas.Partition(t.Topic, p.Partition)
	}
	return out
}

// fetchAnswer is a Fetch response that splices the record bytes instead of copying them.
type fetchAnswer struct {
	h   *Handler
	in  *kmsg.FetchRequest
	err int16
	got []replica.Fetched // in the request's order
}

// Versions of Fetch at which fields came.
const (
	fetchErrorCode        = 7
	fetchStartOffset      = 5
	fetchReadReplica      = 11
	fetchFlexible         = 12
	noReadReplica         = -1
	unknownOffset         = -1
	noThrottle            = 0
	noTags           byte = 0
)

// EncodeTo writes the response body, as kmsg.FetchResponse would.
func (a *fetchAnswer) EncodeTo(f *wire.Frame) {
	flexible := a.in.Version >= fetchFlexible
	b := binary.BigEndian.AppendUint32(f.Bytes, noThrottle)
	if a.in.Version >= fetchErrorCode {
		b = binary.BigEndian.AppendUint16(b, uint16(a.err))
		b = binary.BigEndian.AppendUint32(b, 0) // session id
	}
	topics := a.in.Topics
	if a.err != 0 {
		topics = nil
	}
	b = appendLen(b, len(topics), flexible)
	next := 0
	for i := range topics {
		t := &topics[i]
		if a.in.Version >= fetchTopicIDs {
			b = append(b, t.TopicID[:]...)
		} else {
			b = appendName(b, t.Topic, flexible)
		}
		b = appendLen(b, len(t.Partitions), flexible)
		for j := range t.Partitions {
			f.Bytes = b
			a.encodePartition(f, t.Partitions[j].Partition, &a.got[next], flexible)
			b = f.Bytes
			next++
		}
		if flexible {
			b = append(b, noTags)
		}
	}
	if flexible {
		b = append(b, noTags)
	}
	f.Bytes = b
}

func (a *fetchAnswer) encodePartition(f *wire.Frame, index int32, got *replica.Fetched, flexible bool) {
	b := binary.BigEndian.AppendUint32(f.Bytes, uint32(index))
	b = binary.BigEndian.AppendUint16(b, uint16(a.h.code(got.Err)))
	bounds := got.Bounds
	if got.Err != nil && bounds == (replica.Bounds{}) {
		bounds = replica.Bounds{Start: unknownOffset, LastStable: unknownOffset, HighWatermark: unknownOffset}
	}
	b = binary.BigEndian.AppendUint64(b, uint64(bounds.HighWatermark))
	b = binary.BigEndian.AppendUint64(b, uint64(bounds.LastStable))
	if a.in.Version >= fetchStartOffset {
		b = binary.BigEndian.AppendUint64(b, uint64(bounds.Start))
	}
	b = a.appendAborted(b, got, flexible)
	if a.in.Version >= fetchReadReplica {
		replicaID := int32(noReadReplica)
		b = binary.BigEndian.AppendUint32(b, uint32(replicaID))
	}
	f.Bytes = appendLen(b, len(got.Span.Bytes), flexible)
	if got.Span.Bytes != nil {
		f.Splice(got.Span.Bytes)
		f.OnSent(got.Span.Release)
	}
	if flexible {
		f.Bytes = append(f.Bytes, noTags)
	}
}

// appendAborted writes the aborted transactions: null for a reader that didn't ask, as Kafka does.
func (a *fetchAnswer) appendAborted(b []byte, got *replica.Fetched, flexible bool) []byte {
	if replica.Isolation(a.in.IsolationLevel) != replica.ReadCommitted || got.Err != nil {
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
