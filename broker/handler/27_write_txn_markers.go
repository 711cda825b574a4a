package handler

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

const (
	// markerTimeout bounds the wait for a marker to be on disk.
	markerTimeout = 30 * time.Second
	// markerBumps is the transaction version whose markers carry a newer epoch than the transaction (KIP-1228).
	markerBumps = 2
)

// writeTxnMarkers ends transactions in partitions. Coordinators of other brokers ask for it, and the tool that ends transactions
// which no coordinator knows of (KIP-664).
func (h *Handler) writeTxnMarkers(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.WriteTxnMarkersRequest)
	resp := kmsg.NewPtrWriteTxnMarkersResponse()
	resp.Markers = make([]kmsg.WriteTxnMarkersResponseMarker, len(in.Markers))
	allowed := h.mayQuietly(req, auth.OpAlter, auth.ResourceCluster, auth.ClusterName) ||
		h.may(req, auth.OpClusterAction, auth.ResourceCluster, auth.ClusterName)
	count := 1 // more than there are, so that the answer can't leave while markers are still being started
	for i := range in.Markers {
		m := &in.Markers[i]
		out := &resp.Markers[i]
		out.ProducerID = m.ProducerID
		out.Topics = make([]kmsg.WriteTxnMarkersResponseMarkerTopic, len(m.Topics))
		for j, t := range m.Topics {
			out.Topics[j].Topic = t.Topic
			out.Topics[j].Partitions = make([]kmsg.WriteTxnMarkersResponseMarkerTopicPartition, len(t.Partitions))
			count += len(t.Partitions)
		}
	}
	pending := countdown(count, func() { req.Reply(resp) })
	for i := range in.Markers {
		m := &in.Markers[i]
		for j, t := range m.Topics {
			for k, index := range t.Partitions {
				to := &resp.Markers[i].Topics[j].Partitions[k]
				to.Partition = index
				if !allowed {
					to.ErrorCode = int16(mayNotCluster)
					pending()
					continue
				}
				h.writeMarker(m, t.Topic, index, func(err error) {
					to.ErrorCode = h.code(err)
					pending()
				})
			}
		}
	}
	pending()
}

// writeMarker ends a transaction in one partition. The group coordinator takes over the positions in it before done.
func (h *Handler) writeMarker(m *kmsg.WriteTxnMarkersRequestMarker, topic string, index int32, done func(error)) {
	p, err := h.Replicas.Partition(topic, index)
	if err != nil {
		done(err)
		return
	}
	batch := record.AppendMarker(nil, m.ProducerID, m.ProducerEpoch, h.Clock().UnixMilli(),
		record.Marker{Commit: m.Committed, CoordinatorEpoch: m.CoordinatorEpoch})
	opts := replica.AppendOptions{
		Acks: replica.AcksAll, Origin: log.FromCoordinator, EpochBumped: m.TransactionVersion >= markerBumps, Timeout: markerTimeout,
	}
	p.Append(batch, opts, func(a replica.Appended) {
		if a.Err == nil && topic == metadata.OffsetsTopic {
			h.Groups.EndTxn(index, m.ProducerID, m.Committed, func() { done(nil) })
			return
		}
		done(a.Err)
	})
}
