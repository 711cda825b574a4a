package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
)

// deleteGroups forgets groups without members.
func (h *Handler) deleteGroups(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteGroupsRequest)
	resp := kmsg.NewPtrDeleteGroupsResponse()
	resp.Groups = []kmsg.DeleteGroupsResponseGroup{}
	for _, id := range in.Groups {
		code := mayNotGroup
		if h.may(req, auth.OpDelete, auth.ResourceGroup, id) {
			code = h.deleteGroup(ctx, id)
		}
		out := kmsg.NewDeleteGroupsResponseGroup()
		out.Group, out.ErrorCode = id, int16(code)
		resp.Groups = append(resp.Groups, out)
	}
	req.Reply(resp)
}

func (h *Handler) deleteGroup(ctx context.Context, id string) coordinator.Code {
	answer := make(chan coordinator.Code, 1)
	h.Groups.Delete(id, func(code coordinator.Code) { answer <- code })
	select {
	case code := <-answer:
		return code
	case <-ctx.Done():
		return coordinator.NotAvailable
	}
}

// offsetDelete forgets positions of a group.
func (h *Handler) offsetDelete(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.OffsetDeleteRequest)
	if !h.may(req, auth.OpDelete, auth.ResourceGroup, in.Group) {
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.ErrorCode, resp.Topics = int16(mayNotGroup), []kmsg.OffsetDeleteResponseTopic{}
		req.Reply(resp)
		return
	}
	img := h.Quorum.Image()
	forbidden := make(map[string]bool)
	var doomed []group.TopicOffset
	for _, t := range in.Topics {
		if forbidden[t.Topic] = !h.may(req, auth.OpRead, auth.ResourceTopic, t.Topic); forbidden[t.Topic] {
			continue
		}
		for _, p := range t.Partitions {
			if hasPartition(img.Topic(t.Topic), p.Partition) == coordinator.OK {
				doomed = append(doomed, group.TopicOffset{Topic: t.Topic, Partition: p.Partition})
			}
		}
	}
	h.Groups.DeleteOffsets(in.Group, doomed, func(code coordinator.Code, answers []group.TopicOffset) {
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.ErrorCode = int16(code)
		if code != coordinator.OK {
			req.Reply(resp)
			return
		}
		next := 0
		for _, t := range in.Topics {
			out := kmsg.NewOffsetDeleteResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				answer := coordinator.UnknownTopicPartition
				if forbidden[t.Topic] {
					answer = coordinator.Code(kerr.TopicAuthorizationFailed.Code)
				}
				if next < len(answers) && answers[next].Topic == t.Topic && answers[next].Partition == p.Partition {
					answer = answers[next].Code
					next++
				}
				out.Partitions = append(out.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(answer)})
			}
			resp.Topics = append(resp.Topics, out)
		}
		req.Reply(resp)
	})
}
