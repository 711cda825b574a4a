package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// Kinds of members of consumer groups, since version 1 (KIP-1099).
const (
	memberTypeClassic  = 0
	memberTypeConsumer = 1
)

// consumerGroupDescribe tells of consumer groups and their members.
func (h *Handler) consumerGroupDescribe(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ConsumerGroupDescribeRequest)
	resp := kmsg.NewPtrConsumerGroupDescribeResponse()
	resp.Groups = []kmsg.ConsumerGroupDescribeResponseGroup{}
	for _, id := range in.Groups {
		d := group.ConsumerDescription{Code: mayNotGroup, Group: id, State: group.Dead}
		if h.may(req, auth.OpDescribe, auth.ResourceGroup, id) {
			d = h.consumerDescription(ctx, id)
		}
		resp.Groups = append(resp.Groups, h.describedConsumers(req, id, in.IncludeAuthorizedOperations, &d))
	}
	req.Reply(resp)
}

// consumerDescription asks the coordinator and waits.
func (h *Handler) consumerDescription(ctx context.Context, id string) group.ConsumerDescription {
	answer := make(chan group.ConsumerDescription, 1)
	h.Groups.DescribeConsumers(id, func(d group.ConsumerDescription) { answer <- d })
	select {
	case d := <-answer:
		return d
	case <-ctx.Done():
		return group.ConsumerDescription{Code: coordinator.NotAvailable, Group: id, State: group.Dead}
	}
}

func (h *Handler) describedConsumers(req *wire.Request, id string, operations bool, d *group.ConsumerDescription) kmsg.ConsumerGroupDescribeResponseGroup {
	out := kmsg.NewConsumerGroupDescribeResponseGroup()
	out.Group, out.AuthorizedOperations = id, noOperations
	out.Members = []kmsg.ConsumerGroupDescribeResponseGroupMember{}
	if out.ErrorCode = int16(d.Code); d.Code != coordinator.OK {
		out.ErrorMessage = orNull(d.Message)
		return out
	}
	out.State, out.Epoch, out.AssignmentEpoch, out.AssignorName = d.State.String(), d.Epoch, d.AssignmentEpoch, d.Assignor
	out.AuthorizedOperations = h.operations(req, operations, auth.ResourceGroup, id)
	img := h.Quorum.Image()
	for i := range d.Members {
		if !h.mayDescribeAll(req, img, &d.Members[i]) {
			refused := kmsg.NewConsumerGroupDescribeResponseGroup()
			refused.Group, refused.ErrorCode, refused.AuthorizedOperations = id, int16(mayNotTopic), noOperations
			refused.ErrorMessage = new("the group reads topics that the caller may not describe")
			refused.Members = []kmsg.ConsumerGroupDescribeResponseGroupMember{}
			return refused
		}
		out.Members = append(out.Members, describedConsumer(img, &d.Members[i]))
	}
	return out
}

// mayDescribeAll tells whether the caller may know of every topic of a member.
func (h *Handler) mayDescribeAll(req *wire.Request, img *metadata.Image, m *group.ConsumerMemberDescription) bool {
	may := true
	ask := func(name string) { may = may && h.may(req, auth.OpDescribe, auth.ResourceTopic, name) }
	for _, name := range m.Topics {
		ask(name)
	}
	for _, partitions := range [][]group.Partition{m.Assigned, m.Target} {
		eachTopic(partitions, func(id metadata.UUID, _ []int32) {
			if t := img.TopicByID(id); t != nil {
				ask(t.Name)
			}
		})
	}
	return may
}

func describedConsumer(img *metadata.Image, m *group.ConsumerMemberDescription) kmsg.ConsumerGroupDescribeResponseGroupMember {
	out := kmsg.NewConsumerGroupDescribeResponseGroupMember()
	out.MemberID, out.InstanceID, out.RackID = m.MemberID, orNull(m.InstanceID), orNull(m.Rack)
	out.MemberEpoch, out.ClientID, out.ClientHost = m.Epoch, m.ClientID, m.ClientHost
	out.SubscribedTopics, out.SubscribedTopicRegex = append([]string{}, m.Topics...), new(m.Regex)
	out.Assignment, out.TargetAssignment = describedPartitions(img, m.Assigned), describedPartitions(img, m.Target)
	out.MemberType = memberTypeConsumer
	if m.Classic {
		out.MemberType = memberTypeClassic
	}
	return out
}

// describedPartitions names partitions; those of deleted topics have no name and are left out.
func describedPartitions(img *metadata.Image, partitions []group.Partition) kmsg.Assignment {
	out := kmsg.NewAssignment()
	out.TopicPartitions = []kmsg.AssignmentTopicPartition{}
	eachTopic(partitions, func(id metadata.UUID, numbers []int32) {
		if t := img.TopicByID(id); t != nil {
			out.TopicPartitions = append(out.TopicPartitions,
				kmsg.AssignmentTopicPartition{TopicID: id, Topic: t.Name, Partitions: numbers})
		}
	})
	return out
}
