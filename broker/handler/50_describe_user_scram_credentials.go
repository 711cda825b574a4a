package handler

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeUserScram tells which credentials users have: mechanisms and iterations, nothing that helps to log in.
func (h *Handler) describeUserScram(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeUserSCRAMCredentialsRequest)
	resp := kmsg.NewPtrDescribeUserSCRAMCredentialsResponse()
	resp.Results = []kmsg.DescribeUserSCRAMCredentialsResponseResult{}
	if !h.mayCluster(req, auth.OpDescribe) {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		req.Reply(resp)
		return
	}
	byUser := make(map[string][]kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo)
	for key, credential := range h.Quorum.Image().Scrams() {
		info := kmsg.NewDescribeUserSCRAMCredentialsResponseResultCredentialInfo()
		info.Mechanism, info.Iterations = int8(key.Mechanism), credential.Iterations
		byUser[key.User] = append(byUser[key.User], info)
	}
	asked := make(map[string]int, len(in.Users))
	for _, u := range in.Users {
		asked[u.Name]++
	}
	names := slices.Sorted(maps.Keys(asked))
	if len(in.Users) == 0 {
		names = slices.Sorted(maps.Keys(byUser))
	}
	for _, name := range names {
		result := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		result.User, result.CredentialInfos = name, []kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo{}
		switch infos := byUser[name]; {
		case asked[name] > 1:
			result.ErrorCode = kerr.DuplicateResource.Code
			result.ErrorMessage = new("Cannot describe SCRAM credentials for the same user twice in a single request: " + name)
		case infos == nil:
			result.ErrorCode = kerr.ResourceNotFound.Code
			result.ErrorMessage = new("Attempt to describe a user credential that does not exist: " + name)
		default:
			slices.SortFunc(infos, func(a, b kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo) int {
				return cmp.Compare(a.Mechanism, b.Mechanism)
			})
			result.CredentialInfos = infos
		}
		resp.Results = append(resp.Results, result)
	}
	req.Reply(resp)
}

// scramMechanism tells whether a number of the protocol is a mechanism we know.
func scramMechanism(n int8) (metadata.ScramMechanism, bool) {
	m := metadata.ScramMechanism(n)
	return m, m == metadata.ScramSHA256 || m == metadata.ScramSHA512
}
