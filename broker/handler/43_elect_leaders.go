package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// electionPreferred asks for the first replica as leader; the other kind asks for a replica out of sync.
const electionPreferred = 0

// electLeaders answers what holds while every partition has one replica: it leads already, or the partition doesn't exist.
func (h *Handler) electLeaders(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ElectLeadersRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.Topics = []kmsg.ElectLeadersResponseTopic{}
	asked := in.Topics
	if asked == nil {
		// All that need an election: none. Kafka, too, leaves out those that don't when it wasn't asked for them by name.
		req.Reply(resp)
		return
	}
	for _, t := range asked {
		topic := kmsg.NewElectLeadersResponseTopic()
		topic.Topic = t.Topic
		for _, index := range t.Partitions {
			out := kmsg.NewElectLeadersResponseTopicPartition()
			out.Partition = index
			out.ErrorCode, out.ErrorMessage = h.failure(electLeader(img, t.Topic, index, in.ElectionType))
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

func electLeader(img *metadata.Image, topic string, index int32, kind int8) error {
	p, known := img.Partition(topic, index)
	switch {
	case !known:
		return kerr.UnknownTopicOrPartition
	case kind == electionPreferred && p.Leader == p.Replicas[0], kind != electionPreferred && p.Leader != metadata.NoLeader:
		return kerr.ElectionNotNeeded
	case kind == electionPreferred:
		return kerr.PreferredLeaderNotAvailable
	}
	return kerr.EligibleLeadersNotAvailable
}

// alterPartitionReassignments accepts replicas as they are, and refuses others: there is one broker to hold them.
func (h *Handler) alterPartitionReassignments(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterPartitionAssignmentsRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.AllowReplicationFactorChange = in.AllowReplicationFactorChange
	resp.Topics = []kmsg.AlterPartitionAssignmentsResponseTopic{}
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

// listPartitionReassignments answers that none is under way.
func (h *Handler) listPartitionReassignments(_ context.Context, req *wire.Request) {
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.Topics = []kmsg.ListPartitionReassignmentsResponseTopic{}
	req.Reply(resp)
}

// metadataTopic is the name under which tools ask for the metadata quorum.
const metadataTopic = "__cluster_metadata"

// describeQuorum shows the metadata quorum as if it were Kafka's: one voter, this node, with all that is agreed.
func (h *Handler) describeQuorum(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeQuorumRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.Topics = []kmsg.DescribeQuorumResponseTopic{}
	for _, t := range in.Topics {
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			out := kmsg.NewDescribeQuorumResponseTopicPartition()
			out.Partition = p.Partition
			out.CurrentVoters, out.Observers = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}, []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
			if t.Topic == metadataTopic && p.Partition == 0 {
				h.fillQuorum(img, &out)
			} else {
				out.ErrorCode, out.ErrorMessage = h.failure(kerr.UnknownTopicOrPartition)
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	for _, b := range img.Brokers() {
		node := kmsg.NewDescribeQuorumResponseNode()
		node.NodeID = b.ID
		for _, e := range b.Endpoints {
			listener := kmsg.NewDescribeQuorumResponseNodeListener()
			listener.Name, listener.Host, listener.Port = e.Listener, e.Host, e.Port
			node.Listeners = append(node.Listeners, listener)
		}
		resp.Nodes = append(resp.Nodes, node)
	}
	req.Reply(resp)
}

func (h *Handler) fillQuorum(img *metadata.Image, out *kmsg.DescribeQuorumResponseTopicPartition) {
	term, _ := h.Quorum.Leads()
	now := h.Clock().UnixMilli()
	voter := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	voter.ReplicaID, voter.LogEndOffset = h.NodeID, int64(img.Version())
	voter.LastFetchTimestamp, voter.LastCaughtUpTimestamp = now, now
	out.LeaderID, out.LeaderEpoch, out.HighWatermark = h.NodeID, int32(term), int64(img.Version())
	out.CurrentVoters = append(out.CurrentVoters, voter)
}
