package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeQuorum shows the metadata quorum as if it were Kafka's: one voter, this node, with all that is agreed.
func (h *Handler) describeQuorum(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeQuorumRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.Topics, resp.ErrorMessage = []kmsg.DescribeQuorumResponseTopic{}, new("")
	if !h.mayCluster(req, auth.OpDescribe) {
		resp.ErrorCode, resp.ErrorMessage = h.failure(kerr.ClusterAuthorizationFailed)
		req.Reply(resp)
		return
	}
	for _, t := range in.Topics {
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			out := kmsg.NewDescribeQuorumResponseTopicPartition()
			out.Partition = p.Partition
			out.CurrentVoters, out.Observers = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}, []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
			if t.Topic == metadata.ClusterTopic && p.Partition == 0 {
				out.ErrorMessage = new("")
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
