package client

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// Special timestamps of ListOffsets.
const (
	listLatest   = int64(-1)
	listEarliest = int64(-2)
)

// Offsets implements Reader.
func (r *Remote) Offsets(ctx context.Context, tp TopicPartition) (Offsets, error) {
	var o Offsets
	g, gctx := errgroup.WithContext(ctx)
	for _, ask := range []struct {
		to   *int64
		time int64
		iso  Isolation
	}{{&o.Start, listEarliest, ReadUncommitted}, {&o.LastStable, listLatest, ReadCommitted}, {&o.HighWatermark, listLatest, ReadUncommitted}} {
		g.Go(func() error {
			at, err := r.offsetAt(gctx, tp, ask.time, ask.iso)
			*ask.to = at
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Offsets{}, err
	}
	// Three answers of three moments: the bounds only move up.
	o.HighWatermark = max(o.HighWatermark, o.LastStable, o.Start)
	o.LastStable = max(o.LastStable, o.Start)
	r.feeds.bounds(tp, o)
	return o, nil
}

// OffsetForTime implements Reader.
func (r *Remote) OffsetForTime(ctx context.Context, tp TopicPartition, t time.Time) (int64, error) {
	at, err := r.offsetAt(ctx, tp, max(t.UnixMilli(), 0), ReadUncommitted)
	if err == nil && at < 0 {
		at, err = r.offsetAt(ctx, tp, listLatest, ReadUncommitted)
	}
	return at, err
}

// offsetAt asks for the offset of a time, or of an end; -1 when no record is as young.
func (r *Remote) offsetAt(ctx context.Context, tp TopicPartition, at int64, iso Isolation) (int64, error) {
	offset := int64(-1)
	err := r.onLeader(ctx, tp, func(ctx context.Context, b *kgo.Broker) (code int16, err error) {
		offset, code, err = r.listOffsets(ctx, b, tp, at, iso)
		return code, err
	})
	if err != nil {
		return -1, fmt.Errorf("ask for offsets: %w", err)
	}
	return offset, nil
}

// listOffsets asks one broker about one partition.
func (r *Remote) listOffsets(ctx context.Context, b *kgo.Broker, tp TopicPartition, at int64, iso Isolation) (offset int64, code int16, err error) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = tp.Partition, at
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic, t.Partitions = r.names.out(tp.Topic), append(t.Partitions, p)
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel, req.Topics = -1, int8(iso), append(req.Topics, t)
	resp, err := answerOf[*kmsg.ListOffsetsResponse](b.Request(ctx, req))
	if err != nil {
		return -1, 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return -1, 0, errShortAnswer
	}
	got := &resp.Topics[0].Partitions[0]
	return got.Offset, got.ErrorCode, nil
}
