package handler

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

const (
	// fetchMemoryMax bounds what of one answer is in memory, whatever the client asks for; what comes from files is bounded by fetch.max.bytes alone.
	fetchMemoryMax = 16 << 20
	// fetchBytesMax is the default of fetch.max.bytes.
	fetchBytesMax = 55 << 20
	// fetchTopicIDs is the first version that names topics by id.
	fetchTopicIDs = 13
	// fetchReplicaState is the first version in which a follower names itself by a tag.
	fetchReplicaState = 15
)

// fetch reads partitions, waiting for data as long as the client allows; with a session only what is new is told (KIP-227).
func (h *Handler) fetch(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.FetchRequest)
	turn, err := h.sessions.begin(in)
	if err != nil {
		req.ReplyWith(&fetchAnswer{version: in.Version, err: h.code(err)})
		return
	}
	want := replica.FetchRequest{
		MinBytes: int(in.MinBytes), MaxBytes: min(int(in.MaxBytes), h.FetchBytesMax, req.FetchRoom()), MaxMemory: fetchMemoryMax, Memory: req.Conn,
		MaxWait: time.Duration(in.MaxWaitMillis) * time.Millisecond, Isolation: replica.Isolation(in.IsolationLevel),
		Partitions: make([]replica.FetchPartition, len(turn.asks)),
	}
	follower := isFollower(in)
	for i := range turn.asks {
		want.Partitions[i] = h.fetchPartition(req, &turn.asks[i], turn.usesIDs, follower)
	}
	h.Replicas.Fetch(ctx, want, func(got []replica.Fetched) { h.fetched(req, turn, got) })
}

// isFollower tells whether another broker asks: it would read beyond the high watermark.
func isFollower(in *kmsg.FetchRequest) bool {
	if in.Version >= fetchReplicaState {
		return in.ReplicaState.ID >= 0
	}
	return in.ReplicaID >= 0
}

// fetchPartition finds a partition and whether the caller may read it. No partition has followers, so those are refused.
func (h *Handler) fetchPartition(req *wire.Request, ask *fetchAsk, usesIDs, follower bool) replica.FetchPartition {
	out := replica.FetchPartition{
		Offset: ask.offset, MaxBytes: int(ask.maxBytes), LeaderEpoch: ask.leaderEpoch, LastEpoch: ask.lastEpoch,
	}
	switch {
	case usesIDs:
		out.Partition, out.Err = h.Replicas.PartitionByID(ask.id, ask.index)
		name, known := h.topicName(out.Partition, ask.id)
		switch {
		case known && !h.may(req, auth.OpRead, auth.ResourceTopic, name):
			out.Err = kerr.TopicAuthorizationFailed
		case known && errors.Is(out.Err, replica.ErrUnknownTopicID):
			out.Err = replica.ErrUnknownPartition // the topic is there, the partition isn't
		}
	case !h.may(req, auth.OpRead, auth.ResourceTopic, ask.name):
		out.Err = kerr.TopicAuthorizationFailed
	default:
		out.Partition, out.Err = h.Replicas.Partition(ask.name, ask.index)
	}
	if out.Err == nil && follower {
		out.Err = replica.ErrNotLeader
	}
	return out
}

// topicName is the name of a topic asked for by id, taken from the partition where that is known.
func (h *Handler) topicName(p *replica.Partition, id metadata.UUID) (name string, known bool) {
	if p != nil {
		return p.Topic(), true
	}
	if t := h.Quorum.Image().TopicByID(id); t != nil {
		return t.Name, true
	}
	return "", false
}

// fetched answers with what was read.
func (h *Handler) fetched(req *wire.Request, turn *fetchTurn, got []replica.Fetched) {
	in := req.Body.(*kmsg.FetchRequest)
	bytes := 0
	for i := range got {
		bytes += got[i].Span.Len()
	}
	if req.ThrottleFetch(bytes) {
		id, err := turn.throttled()
		release(got)
		req.ReplyWith(&fetchAnswer{version: in.Version, err: h.code(err), session: id})
		return
	}
	id, answered, err := h.sessions.finish(turn, got)
	if err != nil {
		release(got)
		req.ReplyWith(&fetchAnswer{version: in.Version, err: h.code(err)})
		return
	}
	a := &fetchAnswer{
		h: h, version: in.Version, isolation: replica.Isolation(in.IsolationLevel), session: id, asks: turn.asks, got: got, answered: answered,
	}
	if in.Version >= fetchLeaders {
		a.findLeaders(req.Conn, isFollower(in))
	}
	req.ReplyWith(a)
}

// release gives back records that aren't sent.
func release(got []replica.Fetched) {
	for i := range got {
		got[i].Span.Release()
	}
}
