"""peer_settings.py - the programs that peers.py and gpu_peers.py compare with, and the settings at which each is tried

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

A setting is a row: its name, and a function that takes a Job and returns a function without arguments, which scores the
patches once and returns both terms. To try another setting, add a row; to compare with another program, add its rows
and an entry in PROGRAMS or GPU_PROGRAMS. Each setting runs in a process of its own (peer_loop.py), because what one program does to
threads (pins them, lets them spin) made another 10 to 50 times slower in the same process.
"""
import functools
import typing


class Job(typing.NamedTuple):
    make_module: typing.Callable  # -> the network as a PyTorch module
    path: str  # the same as an ONNX file
    patches: typing.Any  # (n, 3, patch, patch), NumPy
    threads: int
    device: str  # PyTorch's, of GPU_PROGRAMS


def onnx_runtime(level, job):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.add_session_config_entry('session.intra_op.allow_spinning', '1')
    options.add_session_config_entry('session.force_spinning_stop', '1')  # after a run, because others run next
    session = ort.InferenceSession(job.path, options, providers=['CPUExecutionProvider'])
    return lambda: session.run(None, {'x': job.patches})


def openvino(pinned, divided, job):
    import numpy as np
    import openvino as ov
    import openvino.properties as props
    import openvino.properties.hint as hint
    streams = job.threads if divided else 1
    if divided and (streams == 1 or len(job.patches) % streams):
        raise ValueError('the patches do not divide')
    core = ov.Core()
    network = core.read_model(job.path)
    parts = np.split(job.patches, streams)
    if divided:
        network.reshape(parts[0].shape)
    compiled = core.compile_model(network, 'CPU', {
        hint.performance_mode(): hint.PerformanceMode.LATENCY, hint.inference_precision(): ov.Type.f32,
        hint.enable_cpu_pinning(): pinned, props.inference_num_threads(): job.threads, props.num_streams(): streams})
    requests = [compiled.create_infer_request() for _ in parts]
    for request, part in zip(requests, parts):
        request.set_input_tensor(ov.Tensor(part, shared_memory=True))

    def run():
        if divided:
            for request in requests:
                request.start_async()
            for request in requests:
                request.wait()
        else:
            requests[0].infer()
        return [np.concatenate([request.get_output_tensor(i).data for request in requests]) for i in (0, 1)]
    return run


def pytorch(channels_last, compiled, job):
    import torch
    torch.set_num_threads(job.threads)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.from_numpy(job.patches).contiguous(memory_format=layout)
    module = job.make_module().to(memory_format=layout)
    if compiled:
        module = torch.compile(module)

    def run():
        with torch.inference_mode():
            return [term.numpy() for term in module(x)]
    return run


def pytorch_gpu(number, channels_last, compiled, job):
    """From the patches' bytes in pinned memory to both terms in the host's memory, as an application would have it."""
    import numpy as np
    import torch
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # full float is what ours does
    torch.backends.cudnn.benchmark = True
    layout = torch.channels_last if channels_last else torch.contiguous_format
    pixels = torch.from_numpy(np.rint((job.patches + 1) * 127.5).astype(np.uint8))
    if job.device != 'cpu':
        pixels = pixels.pin_memory()
    number = getattr(torch, number)
    module = job.make_module().to(device=job.device, dtype=number, memory_format=layout)
    if compiled:
        module = torch.compile(module, mode='max-autotune')  # with CUDA graphs

    def run():
        with torch.inference_mode():
            x = pixels.to(job.device, non_blocking=True).to(torch.float32) / 127.5 - 1
            return [term.cpu().numpy() for term in module(x.to(number).contiguous(memory_format=layout))]
    return run


def gpu_rows(number):
    return {
        'eager': functools.partial(pytorch_gpu, number, False, False),
        'eager, channels last': functools.partial(pytorch_gpu, number, True, False),
        'torch.compile max-autotune': functools.partial(pytorch_gpu, number, False, True),
        'torch.compile max-autotune, channels last': functools.partial(pytorch_gpu, number, True, True),
    }


GPU_PROGRAMS = {'PyTorch fp32': gpu_rows('float32'), 'PyTorch fp16': gpu_rows('float16')}
PROGRAMS = {
    'ONNX Runtime': {
        'all graph optimisations': functools.partial(onnx_runtime, 'ORT_ENABLE_ALL'),  # the default: channels in blocks
        'extended graph optimisations': functools.partial(onnx_runtime, 'ORT_ENABLE_EXTENDED'),  # without the blocks
    },
    'OpenVINO': {
        'latency hint': functools.partial(openvino, False, False),
        'latency hint, pinned': functools.partial(openvino, True, False),
        'a stream for each thread, patches divided': functools.partial(openvino, True, True),
    },
    'PyTorch': {
        'eager': functools.partial(pytorch, False, False),
        'eager, channels last': functools.partial(pytorch, True, False),
        'torch.compile': functools.partial(pytorch, False, True),
        'torch.compile, channels last': functools.partial(pytorch, True, True),
    },
}
