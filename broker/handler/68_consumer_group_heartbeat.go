package handler

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// heartbeatNamesItself is the first version of ConsumerGroupHeartbeat whose members choose their ids (KIP-1082).
const heartbeatNamesItself = 1

// consumerGroupHeartbeat takes what a member of a consumer group says, and tells it what to use (KIP-848).
func (h *Handler) consumerGroupHeartbeat(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ConsumerGroupHeartbeatRequest)
	reply := func(r group.ConsumerResponse) { req.Reply(consumerResponse(&r)) }
	mayDescribe := func(topic string) bool { return h.mayQuietly(req, auth.OpDescribe, auth.ResourceTopic, topic) }
	if !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group) {
		reply(group.ConsumerResponse{Code: mayNotGroup})
		return
	}
	for _, name := range in.SubscribedTopicNames {
		if !h.may(req, auth.OpDescribe, auth.ResourceTopic, name) {
			reply(group.ConsumerResponse{Code: mayNotTopic})
			return
		}
	}
	beat := group.ConsumerHeartbeat{
		Group: in.Group, MemberID: in.MemberID, Epoch: in.MemberEpoch, InstanceID: in.InstanceID, RackID: in.RackID,
		ClientID: req.ClientID, ClientHost: clientHost(req.Conn),
		RebalanceTimeout: time.Duration(in.RebalanceTimeoutMillis) * time.Millisecond,
		Topics:           in.SubscribedTopicNames, Regex: in.SubscribedTopicRegex, Assignor: in.ServerAssignor,
		NamesItself: in.Version >= heartbeatNamesItself, MayDescribe: mayDescribe,
	}
	if in.Topics != nil {
		beat.Holds = []group.Partition{}
	}
	for _, t := range in.Topics {
		for _, p := range t.Partitions {
			beat.Holds = append(beat.Holds, group.Partition{Topic: t.TopicID, Partition: p})
		}
	}
	h.Groups.ConsumerHeartbeat(beat, reply)
}

func consumerResponse(r *group.ConsumerResponse) *kmsg.ConsumerGroupHeartbeatResponse {
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	if resp.ErrorCode = int16(r.Code); r.Code != coordinator.OK {
		message := r.Message
		if message == "" {
			message = r.Code.Error()
		}
		resp.ErrorMessage = &message
		return resp
	}
	resp.MemberID, resp.MemberEpoch = orNull(r.MemberID), r.Epoch
	resp.HeartbeatIntervalMillis = int32(r.Interval.Milliseconds())
	if r.Assigned == nil {
		return resp
	}
	resp.Assignment = &kmsg.ConsumerGroupHeartbeatResponseAssignment{Topics: []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{}}
	eachTopic(r.Assigned, func(topic metadata.UUID, partitions []int32) {
		resp.Assignment.Topics = append(resp.Assignment.Topics,
			kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{TopicID: topic, Partitions: partitions})
	})
	return resp
}

// eachTopic walks sorted partitions a topic at a time.
func eachTopic(sorted []group.Partition, yield func(topic metadata.UUID, partitions []int32)) {
	for start := 0; start < len(sorted); {
		var partitions []int32
		end := start
		for end < len(sorted) && sorted[end].Topic == sorted[start].Topic {
			partitions = append(partitions, sorted[end].Partition)
			end++
		}
		yield(sorted[start].Topic, partitions)
		start = end
	}
}
