package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
)

// leaveBatch is the first version of LeaveGroup that names several members (KIP-345).
const leaveBatch = 3

// heartbeat keeps a member's session alive.
func (h *Handler) heartbeat(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.HeartbeatRequest)
	who := group.Committer{Group: in.Group, MemberID: in.MemberID, InstanceID: deref(in.InstanceID), Generation: in.Generation}
	reply := func(code coordinator.Code) {
		resp := kmsg.NewPtrHeartbeatResponse()
		resp.ErrorCode = int16(code)
		req.Reply(resp)
	}
	if !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group) {
		reply(mayNotGroup)
		return
	}
	h.Groups.Heartbeat(who, reply)
}

// leaveGroup takes members out of a group.
func (h *Handler) leaveGroup(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.LeaveGroupRequest)
	if !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group) {
		resp := kmsg.NewPtrLeaveGroupResponse()
		resp.ErrorCode, resp.Members = int16(mayNotGroup), []kmsg.LeaveGroupResponseMember{}
		req.Reply(resp)
		return
	}
	leaving := []group.LeavingMember{{MemberID: in.MemberID}}
	if in.Version >= leaveBatch {
		leaving = leaving[:0]
		for _, m := range in.Members {
			leaving = append(leaving, group.LeavingMember{MemberID: m.MemberID, InstanceID: deref(m.InstanceID)})
		}
	}
	h.Groups.Leave(in.Group, leaving, func(code coordinator.Code, codes []coordinator.Code) {
		resp := kmsg.NewPtrLeaveGroupResponse()
		resp.ErrorCode = int16(code)
		if in.Version < leaveBatch {
			if code == coordinator.OK {
				resp.ErrorCode = int16(codes[0])
			}
			req.Reply(resp)
			return
		}
		resp.Members = []kmsg.LeaveGroupResponseMember{}
		for i, m := range in.Members {
			out := kmsg.NewLeaveGroupResponseMember()
			out.MemberID, out.InstanceID, out.ErrorCode = m.MemberID, m.InstanceID, int16(codes[i])
			resp.Members = append(resp.Members, out)
		}
		req.Reply(resp)
	})
}
