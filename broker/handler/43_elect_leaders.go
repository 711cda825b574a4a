package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// electionPreferred asks for the first replica as leader; the other kind asks for a replica out of sync.
const (
	electionPreferred = 0
	electionUnclean   = 1
)

// electLeaders answers what holds while every partition has one replica: it leads already, or the partition doesn't exist.
func (h *Handler) electLeaders(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ElectLeadersRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.Topics = []kmsg.ElectLeadersResponseTopic{}
	allowed := h.mayCluster(req, auth.OpAlter)
	if !allowed {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
	}
	asked := in.Topics
	late := allowed && in.TimeoutMillis <= 0
	if late {
		resp.ErrorCode = kerr.RequestTimedOut.Code
	}
	if asked == nil {
		// All that need an election: none. Kafka, too, leaves out those that don't when it wasn't asked for them by name.
		req.Reply(resp)
		return
	}
	if allowed && in.ElectionType != electionPreferred && in.ElectionType != electionUnclean {
		resp.ErrorCode = kerr.InvalidRequest.Code
	}
	for _, t := range asked {
		topic := kmsg.NewElectLeadersResponseTopic()
		topic.Topic = t.Topic
		for _, index := range t.Partitions {
			out := kmsg.NewElectLeadersResponseTopicPartition()
			out.Partition = index
			err := error(kerr.ClusterAuthorizationFailed)
			switch {
			case late:
				err = kerr.RequestTimedOut
			case allowed:
				err = electLeader(img, t.Topic, index, in.ElectionType)
			}
			out.ErrorCode, out.ErrorMessage = h.failure(err)
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

func electLeader(img *metadata.Image, topic string, index int32, kind int8) error {
	p, known := img.Partition(topic, index)
	switch {
	case kind != electionPreferred && kind != electionUnclean:
		return kerr.InvalidRequest
	case !known:
		return kerr.UnknownTopicOrPartition
	case kind == electionPreferred && p.Leader == p.Replicas[0], kind != electionPreferred && p.Leader != metadata.NoLeader:
		return kerr.ElectionNotNeeded
	case kind == electionPreferred:
		return kerr.PreferredLeaderNotAvailable
	}
	return kerr.EligibleLeadersNotAvailable
}
