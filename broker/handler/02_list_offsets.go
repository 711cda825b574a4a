package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

// Timestamps with a meaning of their own.
const (
	timestampLatest                = -1
	timestampEarliest              = -2
	timestampMax                   = -3 // the record with the largest timestamp (KIP-734)
	timestampEarliestLocal         = -4 // without tiers, the earliest there is
	timestampLatestTiered          = -5 // without tiers, none
	timestampEarliestPendingUpload = -6 // without tiers, none
)

// timestampVersions are the first versions in which a special name means something.
var timestampVersions = map[int64]int16{
	timestampMax: 7, timestampEarliestLocal: 8, timestampLatestTiered: 9, timestampEarliestPendingUpload: 11,
}

// listOffsets finds offsets by time or by their special names.
func (h *Handler) listOffsets(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListOffsetsRequest)
	resp := kmsg.NewPtrListOffsetsResponse()
	for _, t := range in.Topics {
		allowed := h.may(req, auth.OpDescribe, auth.ResourceTopic, t.Topic)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = t.Topic
		for i := range t.Partitions {
			topic.Partitions = append(topic.Partitions, h.listOffset(allowed, in, t.Topic, &t.Partitions[i]))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

func (h *Handler) listOffset(allowed bool, all *kmsg.ListOffsetsRequest, topic string, in *kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
	out := kmsg.NewListOffsetsResponseTopicPartition()
	out.Partition, out.Offset, out.Timestamp, out.LeaderEpoch = in.Partition, -1, -1, -1
	if !allowed {
		out.ErrorCode = kerr.TopicAuthorizationFailed.Code
		return out
	}
	if all.Version < timestampVersions[in.Timestamp] {
		out.ErrorCode = kerr.UnsupportedVersion.Code
		return out
	}
	p, err := h.Replicas.Partition(topic, in.Partition)
	if err == nil {
		err = p.CheckEpoch(in.CurrentLeaderEpoch)
	}
	if err == nil {
		if in.Timestamp != timestampEarliest {
			p.Settle()
		}
		err = findOffset(p, in.Timestamp, replica.Isolation(all.IsolationLevel), &out)
	}
	out.ErrorCode = h.code(err)
	return out
}

// findOffset fills offset, timestamp and epoch; -1 everywhere says that there is no such record.
func findOffset(p *replica.Partition, timestamp int64, iso replica.Isolation, out *kmsg.ListOffsetsResponseTopicPartition) error {
	bounds, err := p.Bounds()
	if err != nil {
		return err
	}
	switch timestamp {
	case timestampLatest:
		out.Offset, out.LeaderEpoch = bounds.HighWatermark, p.LeaderEpoch()
		if iso == replica.ReadCommitted {
			out.Offset = bounds.LastStable
		}
	case timestampEarliest, timestampEarliestLocal:
		out.Offset, out.LeaderEpoch = bounds.Start, p.LeaderEpoch()
	case timestampLatestTiered, timestampEarliestPendingUpload:
	case timestampMax:
		found, ok, err := p.MaxTimestamp()
		if err != nil || !ok {
			return err
		}
		out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
	default:
		if timestamp < 0 {
			return kerr.UnsupportedVersion
		}
		found, ok, err := p.OffsetForTime(timestamp, iso)
		if err != nil || !ok {
			return err
		}
		out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
	}
	return nil
}
