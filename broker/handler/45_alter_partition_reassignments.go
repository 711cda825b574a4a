package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// alterPartitionReassignments accepts replicas as they are, and refuses others: there is one broker to hold them.
func (h *Handler) alterPartitionReassignments(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterPartitionAssignmentsRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.AllowReplicationFactorChange = in.AllowReplicationFactorChange
	resp.Topics = []kmsg.AlterPartitionAssignmentsResponseTopic{}
	if !h.mayCluster(req, auth.OpAlter) {
		resp.ErrorCode, resp.ErrorMessage = h.failure(kerr.ClusterAuthorizationFailed)
		req.Reply(resp)
		return
	}
	for _, t := range in.Topics {
		topic := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			out := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			out.Partition = p.Partition
			out.ErrorCode, out.ErrorMessage = h.failure(reassign(img, t.Topic, p.Partition, p.Replicas))
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

// reassign decides on one partition; nil replicas cancel a reassignment.
func reassign(img *metadata.Image, topic string, index int32, replicas []int32) error {
	p, known := img.Partition(topic, index)
	switch {
	case !known:
		return kerr.UnknownTopicOrPartition
	case replicas == nil:
		return kerr.NoReassignmentInProgress
	case !slices.Equal(replicas, p.Replicas):
		return kerr.InvalidReplicaAssignment
	}
	return nil
}
